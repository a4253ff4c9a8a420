/** What a load generator saw in one second. Times are milliseconds since the story began. */
export interface Moment {
  readonly at: number;
  readonly answered: number;
  readonly failed: number;
  /** Milliseconds until the slowest answer. */
  readonly worst: number;
}

/** A step of the story. */
export interface Step {
  /** What it is for, in words. */
  readonly name: string;
  /** What the user types. */
  readonly command: string;
  readonly from: number;
  readonly to: number;
  /** What came of it, in words. */
  readonly outcome: string;
}

/** A request that was asked for its own sake. */
export interface Call {
  readonly at: number;
  readonly caller: string;
  readonly target: string;
  readonly answer: string;
  /** What Hubble says of it. */
  readonly verdict: string;
}

export interface Story {
  readonly title: string;
  readonly steps: readonly Step[];
  readonly calls: readonly Call[];
  /** By the name of the load generator, in order of time. */
  readonly load: Readonly<Record<string, readonly Moment[]>>;
}

const chart = { width: 960, height: 180, left: 48, right: 12, top: 26, bottom: 22 };
/** Told apart by people who see no red and green, and by their dashes in print. */
const strokes = [
  { color: "var(--first)", dash: "" },
  { color: "var(--second)", dash: "6 4" },
];

/**
 * One page, with nothing to load: the story's steps over what two load generators saw, and what single callers got.
 *
 * @returns HTML
 */
export function demoPage(story: Story): string {
  const end = Math.max(
    1,
    ...story.steps.map(({ to }) => to),
    ...Object.values(story.load)
      .flat()
      .map(({ at }) => at),
  );
  const x = (at: number) => chart.left + (at / end) * (chart.width - chart.left - chart.right);
  const line = (value: (moment: Moment) => number, unit: string) => drawing(story, x, value, unit);
  const failed = Object.values(story.load)
    .flat()
    .reduce((total, moment) => total + moment.failed, 0);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${text(story.title)}</title>
<style>${style}</style>
<main>
<h1>${text(story.title)}</h1>
<p class="sum"><strong>${failed}</strong> of ${count(story)} requests failed, while the flag went off and on again.</p>
${figure(
  "Requests answered in a second",
  line(({ answered }) => answered, ""),
)}
${figure(
  "Requests that failed in a second",
  line(({ failed }) => failed, ""),
)}
${figure(
  "Slowest answer in a second",
  line(({ worst }) => worst, " ms"),
)}
<p class="legend">${Object.keys(story.load)
    .map((name, i) => `<svg width="28" height="8">${path("M0 4H28", i)}</svg> ${text(name)}`)
    .join(" &emsp; ")}</p>
${table(
  ["", "Step", "Command", "Seconds", "What came of it"],
  story.steps.map((step, i) => [`${i + 1}`, step.name, step.command, seconds(step.to - step.from), step.outcome]),
)}
${table(
  ["At", "Caller", "Target", "Answer", "Hubble"],
  story.calls.map(({ at, caller, target, answer, verdict }) => [seconds(at), caller, target, answer, verdict]),
)}
</main></html>
`;
}

const figure = (title: string, svg: string) => `<figure><figcaption>${text(title)}</figcaption>${svg}</figure>`;

function drawing(story: Story, x: (at: number) => number, value: (moment: Moment) => number, unit: string): string {
  const most = Math.max(1, ...Object.values(story.load).flat().map(value));
  const low = chart.height - chart.bottom;
  const y = (amount: number) => low - (amount / most) * (low - chart.top);
  const bands = story.steps.map(
    ({ name, from, to }, i) =>
      `<rect class="${i % 2 === 0 ? "even" : "odd"}" x="${round(x(from))}" y="${chart.top}" width="${round(Math.max(1, x(to) - x(from)))}" height="${low - chart.top}"><title>${text(name)}</title></rect>` +
      `<text class="step" x="${round((x(from) + x(to)) / 2)}" y="${chart.top - 8}">${i + 1}</text>`,
  );
  const lines = Object.values(story.load).map((moments, i) =>
    path(
      moments.map((moment, j) => `${j === 0 ? "M" : "L"}${round(x(moment.at))} ${round(y(value(moment)))}`).join(""),
      i,
    ),
  );
  const axis =
    `<path class="axis" d="M${chart.left} ${low}H${chart.width - chart.right}"/>` +
    `<text x="${chart.left - 6}" y="${chart.top + 4}" class="end">${most}${unit}</text><text x="${chart.left - 6}" y="${low}" class="end">0</text>`;
  return `<svg viewBox="0 0 ${chart.width} ${chart.height}" role="img">${bands.join("")}${axis}${lines.join("")}</svg>`;
}

function path(d: string, i: number): string {
  const { color, dash } = strokes[i % strokes.length]!;
  return `<path d="${d}" fill="none" stroke="${color}" stroke-width="2"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}/>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${text(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table>${row("th", head)}${rows.map((cells) => row("td", cells)).join("\n")}</table></div>`;
}

function count(story: Story): string {
  const all = Object.values(story.load).flat();
  return all.reduce((total, { answered, failed }) => total + answered + failed, 0).toLocaleString("en");
}

const seconds = (milliseconds: number) => `${Math.round(milliseconds / 1000)} s`;
const round = (number: number) => Math.round(number * 10) / 10;
const text = (value: string) => value.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const style = `
:root { color-scheme: light dark; --ink: #1d2430; --quiet: #5d6675; --paper: #fff; --even: #eef2f8; --odd: #e2e8f2; --first: #1f6fd0; --second: #b3541e }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --quiet: #9aa4b3; --paper: #14171c; --even: #1e242d; --odd: #29313d; --first: #6aaeff; --second: #f0a16b } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1000px; margin: 0 auto; padding: 24px 20px }
h1 { font-size: 22px; margin: 0 }
figure { margin: 18px 0 0 }
figcaption { color: var(--quiet) }
svg { max-width: 100%; vertical-align: middle }
svg text { font-size: 12px; fill: var(--quiet) }
svg .step { text-anchor: middle }
svg .end { text-anchor: end }
.even { fill: var(--even) } .odd { fill: var(--odd) }
.axis { stroke: var(--quiet) }
.wide { overflow-x: auto; margin-top: 20px }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--odd) }
th { color: var(--quiet); font-weight: 500 }
`;
