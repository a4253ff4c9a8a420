import { text } from "../../cli/lib/html";
import { demoPicture } from "./picture";
import type { Story } from "./story";

/**
 * One page, with nothing to load: the story's steps over what the load generators saw, and what single callers got.
 *
 * @returns HTML
 */
export function demoPage(story: Story): string {
  const moments = Object.values(story.load).flat();
  const failed = moments.reduce((total, moment) => total + moment.failed, 0);
  const all = moments.reduce((total, moment) => total + moment.answered + moment.failed, 0);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${text(story.title)}</title>
<style>${style}</style>
<main>
<h1>${text(story.title)}</h1>
<p><strong>${failed}</strong> of ${all.toLocaleString("en")} requests failed, while the flag went off and on again.</p>
${demoPicture(story)}
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

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${text(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table>${row("th", head)}${rows.map((cells) => row("td", cells)).join("\n")}</table></div>`;
}

const seconds = (milliseconds: number) => `${Math.round(milliseconds / 1000)} s`;

const style = `
:root { color-scheme: light dark; --ink: #1d2430; --quiet: #5d6675; --paper: #fff; --line: #e2e8f2 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --quiet: #9aa4b3; --paper: #14171c; --line: #29313d } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1000px; margin: 0 auto; padding: 24px 20px }
h1 { font-size: 22px; margin: 0 }
.wide { overflow-x: auto; margin-top: 20px }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line) }
th { color: var(--quiet); font-weight: 500 }
`;
