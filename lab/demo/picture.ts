import { text } from "../../cli/lib/html";
import type { Moment, Story } from "./story";

const width = 960;
const panel = { height: 118, left: 60, right: 12, top: 24, bottom: 8 };
const header = 20;
const footer = 52;

/** Told apart by people who see no red and green, and by their dashes in print. */
const strokes = [
  { color: "var(--first)", dash: "" },
  { color: "var(--second)", dash: "6 4" },
];

/** What is drawn, each in a panel of its own over the same time. */
const panels: readonly { title: string; value: (moment: Moment) => number; unit: string }[] = [
  { title: "Requests answered in a second", value: ({ answered }) => answered, unit: "" },
  { title: "Requests that failed in a second", value: ({ failed }) => failed, unit: "" },
  { title: "Slowest answer in a second", value: ({ worst }) => worst, unit: " ms" },
];

/**
 * What the load generators saw over time, with the story's steps behind it by their numbers. It loads nothing and follows the reader's light or dark.
 *
 * @returns an SVG file
 */
export function demoPicture(story: Story): string {
  const moments = Object.values(story.load).flat();
  const end = Math.max(1, ...story.steps.map(({ to }) => to), ...moments.map(({ at }) => at));
  const x = (at: number) => round(panel.left + (at / end) * (width - panel.left - panel.right));
  const height = header + panels.length * panel.height + footer;
  const bottom = height - footer;
  const steps = story.steps.map(({ name, from, to }, i) => {
    const wide = Math.max(1, round(x(to) - x(from)));
    return (
      `<rect class="${i % 2 === 0 ? "even" : "odd"}" x="${x(from)}" y="${header}" width="${wide}" height="${bottom - header}"><title>${text(name)}</title></rect>` +
      `<text class="middle" x="${round((x(from) + x(to)) / 2)}" y="${header - 6}">${i + 1}</text>`
    );
  });
  const time =
    `<text x="${panel.left}" y="${bottom + 16}">0 s</text>` +
    `<text class="end" x="${width - panel.right}" y="${bottom + 16}">${Math.round(end / 1000)} s</text>`;
  const legend = Object.keys(story.load).map((name, i) => {
    const left = panel.left + i * 180;
    return `${path(`M${left} ${height - 14}h28`, i)}<text x="${left + 36}" y="${height - 10}">${text(name)}</text>`;
  });
  const drawn = panels.map((_, i) => drawPanel(story, i, x));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${text(story.title)}"><style>${style}</style>${[...steps, ...drawn, time, ...legend].join("\n")}</svg>\n`;
}

function drawPanel(story: Story, index: number, x: (at: number) => number): string {
  const { title, value, unit } = panels[index]!;
  const top = header + index * panel.height + panel.top;
  const low = header + (index + 1) * panel.height - panel.bottom;
  const most = Math.max(1, ...Object.values(story.load).flat().map(value));
  const y = (amount: number) => round(low - (amount / most) * (low - top));
  const lines = Object.values(story.load).map((moments, i) =>
    path(moments.map((moment, j) => `${j === 0 ? "M" : "L"}${x(moment.at)} ${y(value(moment))}`).join(""), i),
  );
  return (
    `<text class="title" x="${panel.left}" y="${top - 8}">${title}</text>` +
    `<path class="axis" d="M${panel.left} ${low}H${width - panel.right}"/>` +
    `<text class="end" x="${panel.left - 6}" y="${top + 4}">${most}${unit}</text><text class="end" x="${panel.left - 6}" y="${low}">0</text>` +
    lines.join("")
  );
}

function path(d: string, i: number): string {
  const { color, dash } = strokes[i % strokes.length]!;
  return `<path d="${d}" fill="none" stroke="${color}" stroke-width="2"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}/>`;
}

const round = (number: number) => Math.round(number * 10) / 10;

const style = `
svg { --ink: #1d2430; --quiet: #5d6675; --even: #eef2f8; --odd: #e2e8f2; --first: #1f6fd0; --second: #b3541e }
@media (prefers-color-scheme: dark) { svg { --ink: #e8ebf0; --quiet: #9aa4b3; --even: #1e242d; --odd: #29313d; --first: #6aaeff; --second: #f0a16b } }
text { font: 12px system-ui, sans-serif; fill: var(--quiet) }
.title { fill: var(--ink) } .middle { text-anchor: middle } .end { text-anchor: end }
.even { fill: var(--even) } .odd { fill: var(--odd) }
.axis { stroke: var(--quiet) }
`;
