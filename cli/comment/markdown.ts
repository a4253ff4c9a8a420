import { phaseLines } from "../../core/util/sayOnce";
import { changeRows, countText } from "../../core/access/differenceText";
import { messageOf, messagesOf } from "../../policy/rules/guardrail";
import type { Change, RenderedStack, StackChange } from "./change";
import type { ObjectChange } from "./objects";
import type { Preview } from "./preview";
import { code, counted, tableOf } from "./text";

/** By this a comment is known to be ours, and is written anew instead of once more. */
export const marker = "<!-- zero-trust: what a change does -->";

/** The most that GitHub takes of a comment, in characters. GitLab takes more. */
export const largest = 65_536;

/**
 * What a change does, as a comment. Everything that comes out of files is in code spans; of values there are only those that a rendered object has for all to see.
 *
 * @param most characters; where more would be said, tables end earlier and say so
 */
export function commentOf(change: Change, most = largest): string {
  for (const rows of [200, 60, 20, 6, 2]) {
    const text = [...overviewOf(change, rows), ...change.stacks.flatMap((stack) => stackOf(stack, rows))].join("\n");
    if (text.length < most) return `${text}\n`;
  }
  const left =
    "What is said of each stack is left out here, since it is too long for a comment: see the job's artifacts.";
  return `${[...overviewOf(change, 20), "", left].join("\n")}\n`;
}

function overviewOf(change: Change, most: number): string[] {
  const { stacks, failed, baseFailed } = change;
  return [
    marker,
    "## zero-trust: what this change does",
    "",
    ...(failed === undefined
      ? tableOf(
          ["stack", "auth", "guardrails", "access", "objects", "`pulumi preview`"],
          stacks.map((stack) => [
            code(stack.name),
            authOf(stack),
            guardrailsOf(stack),
            accessOf(stack),
            objectsOf(stack.objects),
            previewOf(stack.preview),
          ]),
          most,
        )
      : ["❌ **The configuration is wrong.**", ...linesOf(failed.split("\n"), most)]),
    ...(baseFailed === undefined
      ? []
      : [
          "",
          "What was before cannot be rendered, so nothing is compared with it:",
          ...linesOf(baseFailed.split("\n"), Math.min(most, 10)),
        ]),
  ];
}

function authOf({ head, base }: StackChange): string {
  const word = (stack: RenderedStack | undefined) => (stack ? (stack.auth ? "on" : "off") : undefined);
  const [before, after] = [word(base), word(head)];
  if (after === undefined) return "stack removed";
  return before === undefined || before === after ? after : `**${before} → ${after}**`;
}

type Guardrail = RenderedStack["guardrails"][number];

const found = (stack: RenderedStack | undefined, verdict: string) =>
  stack?.guardrails.filter((guardrail) => guardrail.verdict === verdict) ?? [];

function guardrailsOf({ head, preview }: StackChange): string {
  if (!head) return "";
  const violated = new Set([
    ...found(head, "fail").map(({ name }) => name),
    ...(preview?.verdicts.filter(({ mandatory }) => mandatory).map(({ guardrail }) => guardrail) ?? []),
  ]);
  const warned = found(head, "warn").length;
  return [
    violated.size > 0
      ? `❌ ${violated.size} violated`
      : `✅ ${found(head, "pass").length} of ${head.guardrails.length} hold`,
    ...(warned > 0 ? [counted(warned, "warning")] : []),
  ].join(", ");
}

function accessOf({ head }: StackChange): string {
  const changes = head?.difference?.changes;
  return changes ? countText(changes) || "no change" : "not compared";
}

/** Who gains and who loses access, as `npm run render -- --base` shows it. */
function accessTable({ head }: StackChange, most: number): string[] {
  const { note, changes = [] } = head?.difference ?? {};
  return [
    ...(note === undefined ? [] : ["", code(note)]),
    ...apart(
      tableOf(
        ["", "access of", "to", "what becomes of it, and why"],
        changeRows(changes).map(([mark = "", from = "", , to = "", what = ""]) => [
          ...[code(mark), code(from), code(to), code(what)],
        ]),
        most,
      ),
    ),
  ];
}

function objectsOf(objects: readonly ObjectChange[] | undefined): string {
  if (!objects) return "not compared";
  const count = (wanted: string) => objects.filter(({ change }) => change === wanted).length;
  const parts = [
    ["added", "+"],
    ["changed", "~"],
    ["removed", "−"],
  ].flatMap(([change = "", sign]) => (count(change) > 0 ? [`${sign} ${count(change)}`] : []));
  return parts.join(", ") || "none";
}

function previewOf(preview: Preview | undefined): string {
  if (!preview) return "not run";
  const parts = Object.entries(preview.counts)
    .filter(([operation, count]) => operation !== "same" && count > 0)
    .map(([operation, count]) => `${count} to ${code(operation)}`);
  return [...(preview.failed ? ["❌ failed"] : []), parts.join(", ") || (preview.failed ? "" : "no change")]
    .filter((part) => part !== "")
    .join(", ");
}

function stackOf(stack: StackChange, most: number): string[] {
  const { head, base, objects, preview } = stack;
  const parts = [
    ...verdictsOf(stack, most),
    ...phasesOf(head, base, preview, most),
    ...accessTable(stack, most),
    ...part(
      "Objects that are rendered otherwise",
      tableOf(
        ["", "object", "where it differs"],
        (objects ?? []).map(({ object, change, fields }) => [
          { added: "+", changed: "~", removed: "−" }[change],
          code(object),
          listOf(fields, 8),
        ]),
        most,
      ),
    ),
    ...part(
      "Resources, by <code>pulumi preview</code>",
      tableOf(
        ["", "resource", "what changes"],
        (preview?.steps ?? []).map(({ operation, type, name, keys }) => [
          code(operation),
          `${code(type)} ${code(name)}`,
          listOf(keys, 8),
        ]),
        most,
      ),
    ),
  ];
  return parts.length > 0 ? ["", `### ${code(stack.name)}`, ...parts] : [];
}

/** What guardrails say: all that stops an update, and of advice what is new with this change. */
function verdictsOf({ head, base, preview }: StackChange, most: number): string[] {
  const before = new Set(
    found(base, "warn").flatMap((guardrail) =>
      guardrail.violations.map((violation) => messageOf(guardrail, violation)),
    ),
  );
  const warned = found(head, "warn");
  const fresh = warned.map((guardrail) => ({
    ...guardrail,
    violations: guardrail.violations.filter((violation) => !before.has(messageOf(guardrail, violation))),
  }));
  const textsOf = (guardrails: readonly Guardrail[]) =>
    guardrails.flatMap((guardrail) => messagesOf(guardrail, guardrail.violations));
  const [errors, news] = [textsOf(found(head, "fail")), textsOf(fresh)];
  const told = new Set([...errors, ...textsOf(warned)]);
  const mandatory = (wanted: boolean) =>
    (preview?.verdicts ?? [])
      .filter((verdict) => verdict.mandatory === wanted)
      .map(({ guardrail, said }) => `${guardrail}: ${said}`)
      .filter((line) => !told.has(line));
  const rows = [
    ...[...errors, ...mandatory(true)].map((line) => ["❌", line] as const),
    ...[...news, ...mandatory(false)].map((line) => ["⚠️", line] as const),
  ].map(([mark, line]) => {
    const at = line.indexOf(": ");
    return [mark, code(line.slice(0, at)), code(line.slice(at + 2))];
  });
  const count = (guardrails: readonly Guardrail[]) => guardrails.flatMap(({ violations }) => violations).length;
  const old = count(warned) - count(fresh);
  const others = preview?.errors ?? [];
  const failed = preview?.failed ? ["", "**`pulumi preview` failed.**"] : [];
  const silent = preview?.failed && others.length === 0 && !preview.verdicts.some(({ mandatory }) => mandatory);
  return [
    ...failed,
    ...linesOf(others, most),
    ...(silent ? ["", "It gives no reason in its JSON, as for what the policy pack alone refuses: see its log."] : []),
    ...apart(tableOf(["", "guardrail", "what it says"], rows, most)),
    ...(old > 0 ? ["", `${counted(old, "warning")} as before this change.`] : []),
  ];
}

/** What becomes of namespaces' phases: by the configuration, and by the preview, which knows what is deployed. */
function phasesOf(
  head: RenderedStack | undefined,
  base: RenderedStack | undefined,
  preview: Preview | undefined,
  most: number,
): string[] {
  const namespaces = [...new Set([...Object.keys(base?.phases ?? {}), ...Object.keys(head?.phases ?? {})])].sort();
  const changed =
    head && base
      ? namespaces.flatMap((namespace) => {
          const [from = "off", to = "off"] = [base.phases[namespace], head.phases[namespace]];
          return from === to ? [] : [{ namespace, change: `${from} -> ${to}` }];
        })
      : [];
  return [
    ...(changed.length > 0 ? ["", "**Phases**, as configured:", ...linesOf(phaseLines(changed), most)] : []),
    ...(preview && preview.phases.length > 0
      ? ["", "**Phases**, as this update would take them:", ...linesOf(preview.phases, most)]
      : []),
  ];
}

/** A table that one looks up, under a summary of ours: it is HTML, so that nothing of others may be in it. */
function part(summary: string, table: readonly string[]): string[] {
  return table.length === 0 ? [] : ["", `<details><summary>${summary}</summary>`, "", ...table, "", "</details>"];
}

/** A table after what is before it. */
const apart = (table: readonly string[]) => (table.length > 0 ? ["", ...table] : []);

/** Lines of others as a list, at most so many. */
function linesOf(lines: readonly string[], most: number): string[] {
  const said = lines.filter((line) => line.trim() !== "");
  const left = said.length - most;
  return [
    "",
    ...said.slice(0, most).map((line) => `- ${code(line)}`),
    ...(left > 0 ? [`- … and ${counted(left, "line")} more`] : []),
  ].slice(said.length > 0 ? 0 : 1);
}

/** Names as code spans, the first so many. */
const listOf = (names: readonly string[], most: number) =>
  [
    ...names.slice(0, most).map((name) => code(name, 160)),
    ...(names.length > most ? [`… and ${names.length - most} more`] : []),
  ].join(", ");
