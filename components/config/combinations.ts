import { accessConflicts } from "./accessConflicts";
import type { Path } from "./path";
import { phases, type Hint, type StackConfig } from "./schema";
import { defaultSpireVersion, minorOf, supported } from "./versions";

/** A value that is well-formed and still wrong beside the others. */
export interface Conflict {
  readonly path: Path;
  /** Without an example the value is to be removed. */
  readonly hint: Pick<Hint, "allowed"> & Partial<Hint>;
}

/** A configuration of which any key may be missing. */
export type PartialConfig = DeepPartial<StackConfig>;
type DeepPartial<T> = {
  readonly [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : T[K] extends object ? DeepPartial<T[K]> : T[K];
};

/** What cannot be combined. */
export function conflictsIn(config: PartialConfig): Conflict[] {
  return [
    ...unsupportedVersions(config),
    ...namesTakenTwice(config),
    ...missingPhases(config),
    // With authentication off they do no harm that is not there already, and off must always work.
    ...(config.auth === false ? [] : accessConflicts(config.access ?? [])),
  ];
}

/** Versions outside the table. Not while authentication is off: a cluster that was upgraded beyond it must still be able to turn it off. */
function unsupportedVersions({ auth, cluster, spire }: PartialConfig): Conflict[] {
  if (auth === false) return [];
  const versions = [
    { path: ["cluster", "kubernetes"], version: cluster?.kubernetes, minors: supported.kubernetes, example: "1.34" },
    {
      path: ["cluster", "cilium", "version"],
      version: cluster?.cilium?.version,
      minors: supported.cilium,
      example: "1.19.3",
    },
    { path: ["spire", "version"], version: spire?.version, minors: supported.spire, example: defaultSpireVersion },
  ];
  return versions
    .filter(({ version, minors }) => version !== undefined && !(minors as readonly string[]).includes(minorOf(version)))
    .map(({ path, minors, example }) => ({ path, hint: { allowed: `one of ${minors.join(", ")}`, example } }));
}

function namesTakenTwice({ access = [] }: PartialConfig): Conflict[] {
  const taken = new Map<string, number>();
  return access.flatMap(({ name, target }, i) => {
    const id = `${target.namespace}/${name}`;
    const first = taken.get(id) ?? i;
    taken.set(id, first);
    const allowed = `a name of its own, since access[${first}] is ${id}`;
    return first === i ? [] : [{ path: ["access", i, "name"], hint: { allowed, example: `${name}-2` } }];
  });
}

/** An intent for a namespace without a phase would silently do nothing. */
function missingPhases({ access = [], rollout }: PartialConfig): Conflict[] {
  const known = rollout?.phases;
  if (!known) return [];
  const wanted = new Map(access.map(({ target }, i) => [target.namespace, i]));
  return [...wanted]
    .filter(([namespace]) => !Object.hasOwn(known, namespace))
    .map(([namespace, i]) => ({
      path: ["rollout", "phases", namespace],
      hint: { allowed: `${phases.join(", ")}: access[${i}] needs to know how far to go`, example: "observe" },
    }));
}
