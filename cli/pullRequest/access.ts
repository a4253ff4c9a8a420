/** A line of who may call whom, as `npm run render -- --json` has it. */
export interface AccessLine {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly operations?: readonly string[] | undefined;
  readonly authenticated: boolean;
}

/** What of a rendered stack says who may call whom. */
export interface Accessible {
  readonly phases: Readonly<Record<string, string>>;
  readonly access: readonly AccessLine[];
}

/** Who gains or loses access, or how it changes. */
export interface AccessChange {
  readonly change: "gained" | "lost" | "authenticates" | "no longer authenticates" | "opened" | "closed";
  /** `web/frontend -> orders/api:8080`, or a namespace. */
  readonly what: string;
}

/**
 * Who may call whom after a change, and could not before, or the other way round, by the names of callers and intents. A namespace in `off` or `observe` denies nobody: where it closes, everybody
 * loses access but those whom its lines name; where it opens, everybody gains it.
 */
export function accessChanges(base: Accessible, head: Accessible): AccessChange[] {
  const namespaces = [...new Set([...Object.keys(base.phases), ...Object.keys(head.phases)])].sort();
  return namespaces.flatMap((namespace): AccessChange[] => {
    const [was, is] = [isClosed(base, namespace), isClosed(head, namespace)];
    const of = ({ access }: Accessible) =>
      new Map(access.filter(({ to }) => to.startsWith(`${namespace}/`)).map((line) => [nameOf(line), line]));
    const [before, after] = [of(base), of(head)];
    if (!was && !is) return [];
    if (was && !is) return [{ change: "opened", what: namespace }];
    const gained = [...after.keys()].filter((name) => !before.has(name));
    if (!was)
      return [
        { change: "closed", what: gained.length > 0 ? `${namespace}, but for: ${gained.join("; ")}` : namespace },
      ];
    const stay = [...after].flatMap(([what, { authenticated }]): AccessChange[] => {
      const old = before.get(what)?.authenticated ?? authenticated;
      if (old === authenticated) return [];
      return [{ change: authenticated ? "authenticates" : "no longer authenticates", what }];
    });
    return [
      ...gained.map((what) => ({ change: "gained" as const, what })),
      ...[...before.keys()].filter((name) => !after.has(name)).map((what) => ({ change: "lost" as const, what })),
      ...stay,
    ];
  });
}

/** Whether the namespace denies whom it does not name. */
const isClosed = ({ phases }: Accessible, namespace: string) =>
  ["allow", "require"].includes(phases[namespace] ?? "off");

const nameOf = ({ from, to, port, operations = [] }: AccessLine) =>
  `${from} -> ${to}:${[String(port), operations.join(", ")].join(" ").trimEnd()}`;
