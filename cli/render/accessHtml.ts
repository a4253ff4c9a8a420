import { changeCells, countText, fromText } from "../../core/access/differenceText";
import type { Change } from "../../core/access/difference";
import { isNoWorkload, namespaceOf, type Access } from "../../core/access/graph";
import type { Phase } from "../../core/schema/schema";
import { groupBy } from "../../core/util/groupBy";
import { script, style } from "./accessHtmlParts";
import { text } from "../lib/html";
import type { RenderedStack } from "../lib/renderStack";
import { authenticationOf, callerOf, whatOf } from "../lib/view";

/** More lines than this, and namespaces begin closed: what is open at once should fit a few screens. */
const openLines = 80;

/**
 * Who may call whom as one page of HTML with nothing to load, also for hundreds of workloads: the namespaces as a matrix, every line below it by the called namespace, and who
 * gains and who loses access where that was asked for. Without its script it is the same page without the filter.
 *
 * @returns HTML; everything that the configuration says is text in it
 */
export function accessHtml({ name, config, plan, difference }: RenderedStack): string {
  const phases = plan.outputs.rollout.phases;
  const lines = [...plan.access].sort((a, b) => order(a, b));
  const byNamespace = groupBy(lines, ({ to }) => namespaceOf(to));
  const isOpen = lines.length <= openLines;
  const changed = new Set(difference?.changes?.map(({ namespace }) => namespace));
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Who may call whom: ${text(name)}</title>
<style>${style}</style>
<main>
<h1>Who may call whom: ${text(name)}</h1>
<p>${lines.length} lines, ${new Set(lines.map(({ to }) => to)).size} targets in ${byNamespace.size} namespaces; <code>auth</code> is ${config.auth}. Everybody else is denied in the namespaces below.</p>
${changesHtml(difference)}
${matrixHtml(lines)}
<form id="filter" hidden>
<label>Find <input type="search" name="find" placeholder="namespace, workload, port, method, path" autocomplete="off"></label>
<label>Callers <select name="kind"><option value="">all</option><option value="authenticated">authenticated</option><option value="label">told by label only</option><option value="outside">not a workload</option></select></label>
${changed.size > 0 ? '<label><input type="checkbox" name="changed"> only namespaces with changes</label>' : ""}
<button type="reset">Show all</button> <output aria-live="polite"></output>
</form>
${[...byNamespace].map(([namespace, inside]) => namespaceHtml(namespace, phases[namespace] ?? "off", inside, isOpen, changed.has(namespace))).join("\n")}
</main>
<script>${script}</script>
</html>
`;
}

function changesHtml(difference: RenderedStack["difference"]): string {
  if (!difference) return "";
  const { base, changes, note } = difference;
  const since = `since <code>${text(base)}</code>`;
  const says = note === undefined ? "" : `<p>${text(note)}</p>`;
  if (!changes) return `<section class="changes"><h2>Changes ${since}</h2>${says}</section>`;
  const rows = changes.map((change) => {
    const [mark = "", , , to = "", what = ""] = changeCells(change);
    return `<tr class="${classOf(change)}"><td>${mark}</td><td>${text(fromText(change))}</td><td>${text(to)}</td><td>${text(what)}</td></tr>`;
  });
  return `<section class="changes"><h2>Changes ${since}</h2>${says}<p>${text(countText(changes)) || "Nobody gains or loses access."}</p>
${rows.length > 0 ? `<div class="wide"><table><tr><th><span class="unseen">direction</span></th><th>Caller</th><th>Target</th><th>What becomes of it, and why</th></tr>${rows.join("\n")}</table></div>` : ""}</section>`;
}

const classOf = ({ direction }: Change) =>
  direction === "gained" || direction === "lost" ? direction : "authentication";

/** How many callers of each namespace each namespace admits: a click shows them. */
function matrixHtml(lines: readonly Access[]): string {
  const rows = [...new Set(lines.map(sourceOf))].sort();
  const columns = [...new Set(lines.map(({ to }) => namespaceOf(to)))].sort();
  if (columns.length === 0) return "";
  const cells = groupBy(lines, (line) => JSON.stringify([sourceOf(line), namespaceOf(line.to)]));
  const cell = (from: string, to: string) => {
    const inside = cells.get(JSON.stringify([from, to])) ?? [];
    if (inside.length === 0) return "<td></td>";
    const all = inside.every(({ authenticated }) => authenticated);
    const what = `${inside.length} from ${from} to ${to}, ${all ? "all authenticated" : "not all authenticated"}`;
    return `<td class="${all ? "authenticated" : "told"}"><a href="#to-${text(to)}" data-from="${text(from)}" data-to="${text(to)}" title="${text(what)}">${inside.length}</a></td>`;
  };
  return `<h2>By namespace</h2><p class="quiet">Rows call columns: how many callers are admitted. <span class="authenticated key">all of them authenticated</span> <span class="told key">not all</span></p>
<div class="wide matrix"><table><tr><th></th>${columns.map((to) => `<th scope="col"><span>${text(to)}</span></th>`).join("")}</tr>
${rows.map((from) => `<tr><th scope="row">${text(from)}</th>${columns.map((to) => cell(from, to)).join("")}</tr>`).join("\n")}</table></div>`;
}

function namespaceHtml(
  namespace: string,
  phase: Phase,
  lines: readonly Access[],
  isOpen: boolean,
  isChanged: boolean,
): string {
  const rows = lines.map(
    (line) =>
      `<tr data-from="${text(sourceOf(line))}" data-kind="${kindOf(line)}"><td>${link(line.from, callerOf(line))}</td><td>${link(line.to, line.to.slice(namespace.length + 1))}</td><td>${text(whatOf(line))}</td><td class="${line.authenticated ? "authenticated" : "told"}">${text(authenticationOf(line))}</td></tr>`,
  );
  return `<details id="to-${text(namespace)}" data-to="${text(namespace)}"${isChanged ? ' data-changed=""' : ""}${isOpen ? " open" : ""}><summary>${text(namespace)} <span class="quiet">${phase} · <span class="count">${lines.length}</span> lines${isChanged ? " · changed" : ""}</span></summary>
<div class="wide"><table><tr><th>Caller</th><th>Target</th><th>Port, and what it may do</th><th>Authentication</th></tr>${rows.join("\n")}</table></div></details>`;
}

/** A name that, when it is clicked, is all that is shown: whom it calls, or who calls it. */
const link = (name: string, shown: string) =>
  `<a href="#" data-name="${text(name)}" title="show only ${text(name)}">${text(shown)}</a>`;

/** A caller's namespace, or what it is where it has none. */
const sourceOf = (line: Access) => (isNoWorkload(line) ? line.from : namespaceOf(line.from));
const kindOf = (line: Access) => (line.authenticated ? "authenticated" : isNoWorkload(line) ? "outside" : "label");
const order = (a: Access, b: Access) =>
  a.to === b.to ? a.port - b.port || (a.from < b.from ? -1 : 1) : a.to < b.to ? -1 : 1;
