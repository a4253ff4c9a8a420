import type { Intent, Phase } from "../config/schema";

/** One line of "who may call whom". */
export interface Access {
  /** `<namespace>/<service account>` */
  readonly from: string;
  /** `<namespace>/<intent>` */
  readonly to: string;
  readonly port: number;
  /** Whether the caller must prove its identity; otherwise it is told by its labels alone. */
  readonly authenticated: boolean;
}

/** Who may call whom under the given phases. A namespace that is `off` or in `observe` denies nobody, so it has no lines. */
export function accessOf(intents: readonly Intent[], phases: Readonly<Record<string, Phase>>): Access[] {
  return intents.flatMap(({ name, target, port, callers }) => {
    const phase = phases[target.namespace] ?? "off";
    if (phase === "off" || phase === "observe") return [];
    return callers.map((caller) => ({
      from: `${caller.namespace}/${caller.serviceAccount}`,
      to: `${target.namespace}/${name}`,
      port,
      authenticated: phase === "require",
    }));
  });
}

/** A Mermaid flowchart, callers and targets grouped by namespace. A thick arrow is an authenticated call. */
export function accessDiagram(access: readonly Access[]): string {
  const names = [...new Set(access.flatMap(({ from, to }) => [from, to]))].sort();
  const ids = new Map(names.map((name, i) => [name, `n${i}`]));
  const namespaces = [...new Set(names.map(namespaceOf))];
  return [
    "flowchart LR",
    ...namespaces.flatMap((namespace) => [
      `  subgraph ${namespace}`,
      ...names
        .filter((n) => namespaceOf(n) === namespace)
        .map((n) => `    ${ids.get(n)}["${n.slice(namespace.length + 1)}"]`),
      "  end",
    ]),
    ...access.map(
      ({ from, to, port, authenticated }) =>
        `  ${ids.get(from)} ${authenticated ? `== "${port}, authenticated" ==>` : `-- "${port}" -->`} ${ids.get(to)}`,
    ),
  ].join("\n");
}

const namespaceOf = (name: string) => name.slice(0, name.indexOf("/"));
