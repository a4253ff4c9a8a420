import { isClosed } from "../../core/schema/schema";
import { isNoWorkload, operationsLeftOut, type Access } from "../../core/access/graph";
import { changeRows } from "../../core/access/differenceText";
import { groupBy } from "../../core/util/groupBy";
import { sayOnce } from "../../core/util/sayOnce";
import type { Verdict } from "../../policy/rules/guardrail";
import type { RenderedStack } from "./renderStack";
import { table } from "./table";

type Paint = (style: "bold" | "dim" | "green" | "yellow" | "red", text: string) => string;

const marks = {
  pass: ["green", "ok  "],
  warn: ["yellow", "warn"],
  fail: ["red", "FAIL"],
  "not decided": ["dim", "?   "],
} as const;

/** The compact view of one stack for a terminal: components, guardrails, who may call whom. */
export function viewOf(stack: RenderedStack, paint: Paint): string {
  const { name, from, config, plan, verdicts } = stack;
  const { cluster } = config;
  const notable = verdicts.filter(({ verdict }) => verdict !== "pass");
  const held = verdicts.filter(({ verdict }) => verdict === "pass").map(({ guardrail }) => guardrail.name);
  const nameWidth = Math.max(0, ...notable.map(({ guardrail }) => guardrail.name.length));
  const leftOut = operationsLeftOut(config.access, plan.outputs.rollout.phases);
  const flag = `auth ${config.auth ? "on" : "off"}`;
  return [
    `${paint("bold", name)}  ${from === undefined ? flag : `from ${from} to ${flag}`}`,
    paint("dim", `  trust domain ${config.trustDomain}, Kubernetes ${cluster.kubernetes}, ${authenticatorOf(config)}`),
    ...plan.notes.flatMap((note) => note.split("\n").map((line) => `  ${line}`)),
    "",
    "  Components, in order",
    ...indented(
      plan.components.map(({ kind, name, objects, release, after }) => [
        kind,
        name,
        [
          ...(release ? [`${kind === "CiliumAuth" ? "Cilium" : "cert-manager"}'s release`] : []),
          ...(release && objects.length === 0 ? [] : [`${objects.length} object${objects.length === 1 ? "" : "s"}`]),
        ].join(" and "),
        after.length > 0 ? `after ${after.join(", ")}` : "",
      ]),
    ),
    "",
    "  Guardrails",
    ...stack.waivers.map((waiver) => `    ${paint("yellow", waiver)}`),
    ...notable.flatMap((verdict) => viewOfVerdict(verdict, nameWidth, paint)),
    ...(held.length > 0
      ? [`    ${paint("green", "ok  ")}  ${held.length} of ${verdicts.length}, in docs/guardrails.md:`]
      : []),
    ...wrapped(held, 100).map((line) => `          ${paint("dim", line)}`),
    "",
    "  Who may call whom",
    ...indented(
      plan.access.map((line) => [callerOf(line), "->", `${line.to}:${whatOf(line)}`, authenticationOf(line)]),
    ),
    ...viewOfPhases(plan.phases, leftOut),
    ...viewOfDifference(stack.difference),
  ].join("\n");
}

/** Who is denied beside those who may call, in all namespaces. */
function viewOfPhases(changes: RenderedStack["plan"]["phases"], leftOut: readonly string[]): string[] {
  const alike = groupBy(changes, ({ namespace, configured, to, because }) =>
    JSON.stringify([to, because && `; ${configured} is configured, but ${because}`, leftOut.includes(namespace)]),
  );
  return [...alike.values()].flatMap((group) => {
    const [{ namespace, configured, to, because }] = group;
    const denied = isClosed(to) ? "everyone else is denied" : "nobody is denied";
    const state = `(${to}${because ? `; ${configured} is configured, but ${because}` : ""})`;
    const names = wrapped(
      group.map((change) => change.namespace),
      100,
    ).join("\n      ");
    return [`    ${denied} in ${names} ${state}${leftOut.includes(namespace) ? `; ${leftOutNote}` : ""}`];
  });
}

/** Who gains and who loses access, where that is shown. */
function viewOfDifference(difference: RenderedStack["difference"]): string[] {
  if (!difference) return [];
  const { base, commit, note, changes } = difference;
  return [
    "",
    `  Who gains and who loses access since ${base} (${commit.slice(0, 12)})`,
    ...(note === undefined ? [] : [`    ${note}`]),
    ...(changes?.length === 0 ? ["    nobody"] : []),
    ...indented(changeRows(changes ?? [])),
  ];
}

/** Who authenticates callers: Cilium with a SPIRE or by its ztunnel, or another mesh. */
function authenticatorOf({ cluster: { cilium }, mesh, spire }: RenderedStack["config"]): string {
  const version = spire.install === "managed" ? `${spire.version} ` : "";
  const signer = spire.install === "none" ? "" : `, SPIRE ${version}(${spire.install})`;
  if (!cilium) return `${mesh?.istio ? `Istio (${mesh.istio.mode})` : "Linkerd"}${signer}`;
  const ztunnel = mesh?.ztunnel ? " with ztunnel (experimental)" : "";
  return `Cilium ${cilium.version} (${cilium.delivery})${ztunnel}${signer}`;
}

/** Names as lines of at most so many letters. */
function wrapped(names: readonly string[], width: number): string[] {
  return names.reduce<string[]>((lines, name, i) => {
    const text = i < names.length - 1 ? `${name},` : name;
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + text.length > width) return [...lines, text];
    return [...lines.slice(0, -1), `${last} ${text}`];
  }, []);
}

/** What is said of a namespace whose operations do not count yet. */
export const leftOutNote = "HTTP methods and paths count from allow on";

/** The caller of a line, and whether it is none that could authenticate. */
export const callerOf = (line: Access) => (isNoWorkload(line) ? `${line.from} (not a workload)` : line.from);

/** The port of a line and what may be done there. */
export const whatOf = ({ port, operations = [] }: Access) => [String(port), operations.join(", ")].join(" ").trimEnd();

/** Whether a caller must authenticate and, where it need not, why. */
export function authenticationOf(line: Access): string {
  const { authenticated, reason } = line;
  if (authenticated) return "authenticated";
  if (isNoWorkload(line)) return `never authenticated${reason === undefined ? "" : `: ${reason}`}`;
  return reason === undefined ? "by label only" : `without authentication: ${reason}`;
}

function viewOfVerdict(
  { guardrail, verdict, violations, undecided }: Verdict,
  nameWidth: number,
  paint: Paint,
): string[] {
  const [style, mark] = marks[verdict];
  return [
    `    ${paint(style, mark)}  ${guardrail.name.padEnd(nameWidth)}  ${paint("dim", undecided ? `not decided: ${undecided}` : guardrail.description)}`,
    ...sayOnce(violations.map((violation) => ({ ...violation, text: `${violation.where} ${violation.message}` }))).map(
      (text) => `          ${text}`,
    ),
    ...(violations.length > 0 ? [`          ${paint("dim", guardrail.remediation)}`] : []),
  ];
}

/** The stack as `--json` shows it. */
export function jsonOf({ name, config, plan, verdicts, waivers, difference }: RenderedStack): object {
  const leftOut = operationsLeftOut(config.access, plan.outputs.rollout.phases);
  return {
    name,
    auth: config.auth,
    phases: plan.outputs.rollout.phases,
    objects: plan.components.reduce((count, { objects }) => count + objects.length, 0),
    guardrails: verdicts.map(({ guardrail, verdict, violations, undecided }) => ({
      name: guardrail.name,
      severity: guardrail.severity,
      verdict,
      violations,
      ...(undecided === undefined ? {} : { undecided }),
    })),
    access: plan.access,
    notes: [...plan.notes, ...waivers],
    ...(leftOut.length > 0 ? { operationsLeftOut: leftOut } : {}),
    ...(difference ? { difference } : {}),
  };
}

/** Rows as lines of the view. */
const indented = (rows: readonly (readonly string[])[]) => table(rows).map((line) => `    ${line}`);
