import { callerName, isWorkload, kindOf, type CallerKind } from "../schema/intent";
import { type Intent, type Phase, isClosed } from "../schema/schema";
import { groupBy } from "../util/groupBy";
import { operationTexts } from "./operations";

/** One line of "who may call whom". */
export interface Access {
  /** `<namespace>/<service account>`, `<namespace>/*`, either after the trust domain where that is another one, an entity or a network. */
  readonly from: string;
  /** What the caller is where it is not the pods of one service account. */
  readonly kind?: Exclude<CallerKind, "workload">;
  /** `<namespace>/<intent>` */
  readonly to: string;
  readonly port: number;
  /** What the caller may do, as `GET /v1/*`; everything where it is missing. */
  readonly operations?: readonly string[];
  /** Whether the caller must prove its identity; otherwise it is told by its labels alone or, if it is no workload, by its address. */
  readonly authenticated: boolean;
  /** The reason that the intent gives for a caller that is not asked to authenticate. */
  readonly reason?: string;
}

/** Who may call whom under the given phases. A namespace that is `off` or in `observe` denies nobody, so it has no lines. */
export function accessOf(intents: readonly Intent[], phases: Readonly<Record<string, Phase>>): Access[] {
  return intents.flatMap((intent) => {
    const phase = phases[intent.target.namespace] ?? "off";
    if (!isClosed(phase)) return [];
    // A caller that is named twice is one caller.
    const callers = [...groupBy(intent.callers, callerName).values()].map(([first]) => first);
    return callers.map((caller) => accessOfCaller(intent, caller, phase));
  });
}

function accessOfCaller(
  { name, target, port, operations }: Intent,
  caller: Intent["callers"][number],
  phase: Phase,
): Access {
  const kind = kindOf(caller);
  const reason = isWorkload(caller)
    ? // Where nobody is asked, there is no exemption.
      phase === "require"
      ? caller.withoutAuthentication
      : undefined
    : caller.reason;
  return {
    from: callerName(caller),
    ...(kind === "workload" ? {} : { kind }),
    to: `${target.namespace}/${name}`,
    port,
    ...(operations ? { operations: operationTexts(operations) } : {}),
    authenticated: phase === "require" && isWorkload(caller) && caller.withoutAuthentication === undefined,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Whether a line's caller is something that has no identity, in and outside the cluster. */
export const isNoWorkload = ({ kind }: Access): boolean => kind === "entity" || kind === "cidr";

/** Namespaces in `observe` of which intents name operations: those count from `allow` on. */
export function operationsLeftOut(intents: readonly Intent[], phases: Readonly<Record<string, Phase>>): string[] {
  const namespaces = intents.filter(({ operations }) => operations).map(({ target }) => target.namespace);
  return [...new Set(namespaces)].filter((namespace) => phases[namespace] === "observe");
}

/**
 * A Mermaid flowchart, callers and targets grouped by namespace; what is no workload is outside the namespaces, with round ends. A thick arrow is an
 * authenticated call.
 */
export function accessDiagram(access: readonly Access[]): string {
  const outside = new Set(access.filter(isNoWorkload).map(({ from }) => from));
  const names = [...new Set(access.flatMap(({ from, to }) => [from, to]))].sort();
  const ids = new Map(names.map((name, i) => [name, `n${i}`]));
  const namespaces = groupBy(
    names.filter((name) => !outside.has(name)),
    namespaceOf,
  );
  return [
    "flowchart LR",
    ...names.filter((name) => outside.has(name)).map((name) => `  ${ids.get(name)}(["${name}"])`),
    ...[...namespaces].flatMap(([namespace, inside]) => [
      `  subgraph ${namespace}`,
      ...inside.map((name) => `    ${ids.get(name)}["${labelOf(name.slice(namespace.length + 1))}"]`),
      "  end",
    ]),
    ...access.map(({ from, to, port, operations = [], authenticated }) => {
      const what = [String(port), operations.join(", ")].filter((part) => part !== "").join(" ");
      return `  ${ids.get(from)} ${authenticated ? `== "${what}, authenticated" ==>` : `-- "${what}" -->`} ${ids.get(to)}`;
    }),
  ].join("\n");
}

/** The namespace of a workload or a target by its name, with the trust domain where that is another one. */
export const namespaceOf = (name: string): string => name.slice(0, name.lastIndexOf("/"));
const labelOf = (workload: string) => (workload === "*" ? "every workload" : workload);
