import type { Conflict, PartialConfig } from "./conflict";
import { isWorkload, callerName, sortedLabels, type Selector } from "../../core/schema/intent";
import { groupBy } from "../../core/util/groupBy";
import type { Intent } from "../../core/schema/schema";

/** Intents on one port of one namespace, with their places in `access`. */
type OnPort = readonly { readonly intent: Intent; readonly i: number }[];

/**
 * What intents cannot say together. About linear in their number: selectors are compared by the keys that they share, not one by one.
 *
 * @param access every intent of a stack
 */
export function accessConflicts(access: readonly Intent[]): Conflict[] {
  const placed = access.map((intent, i) => ({ intent, i }));
  const ports = groupBy(placed, ({ intent: { target, port } }) => `${target.namespace}:${port}`);
  return [...ports.values()].flatMap((onPort) => [
    ...overlappingSelectors(onPort),
    ...[...groupBy(onPort, ({ intent }) => keyOf(intent.target.selector)).values()].flatMap(mixedAuthentication),
  ]);
}

/**
 * Selectors that differ and may select the same pod: all but those that want different values of a label. Such a pod would get two policies for one
 * port, of which the one that is applied first cuts off the callers of the other. Each selector is reported once, beside the first that it meets.
 */
function overlappingSelectors(onPort: OnPort): Conflict[] {
  const distinct = [...groupBy(onPort, ({ intent }) => keyOf(intent.target.selector)).values()].map(([first]) => first);
  const common = keysOf(distinct[0]?.intent.target.selector ?? {}).filter((key) =>
    distinct.every(({ intent }) => Object.hasOwn(intent.target.selector, key)),
  );
  return [...groupBy(distinct, valuesOf(common)).values()].flatMap(overlapping);
}

/** @param selectors distinct ones, with the same values of all labels that they have in common */
function overlapping(selectors: OnPort): Conflict[] {
  // Two selectors with the same keys differ in a value.
  const byKeys = [...groupBy(selectors, ({ intent }) => JSON.stringify(keysOf(intent.target.selector))).values()];
  return byKeys.flatMap((group) => {
    const pending = new Set(group);
    const found: Conflict[] = [];
    for (const others of byKeys) {
      if (group === others || pending.size === 0) continue;
      const known = others[0].intent.target.selector;
      const shared = keysOf(group[0].intent.target.selector).filter((key) => Object.hasOwn(known, key));
      const first = groupBy(others, valuesOf(shared));
      for (const selector of pending) {
        const [other] = first.get(valuesOf(shared)(selector)) ?? [];
        if (!other || other.i > selector.i) continue;
        pending.delete(selector);
        found.push(overlap(selector, other));
      }
    }
    return found;
  });
}

function overlap({ i }: OnPort[number], { intent, i: other }: OnPort[number]): Conflict {
  const { name, target } = intent;
  const allowed = `the selector of access[${other}] (${name}), or one that wants another value of a label in it: a pod may match both, and the port is the same`;
  return { path: ["access", i, "target", "selector"], hint: { allowed, example: JSON.stringify(target.selector) } };
}

/**
 * Callers of one target and port that are asked to authenticate and are not. Cilium takes the demand where it has both, and passes the demand on a whole
 * namespace on to the service accounts in it, so that an exemption beside it would not count (cilium, pkg/policy/mapstate.go).
 */
function mixedAuthentication(onTarget: OnPort): Conflict[] {
  const asked = new Map<string, string>();
  const workloads = onTarget.flatMap(({ intent, i }) =>
    intent.callers.flatMap((caller, k) => (isWorkload(caller) ? [{ caller, path: ["access", i, "callers", k] }] : [])),
  );
  for (const { caller, path } of workloads) {
    const name = callerName(caller);
    if (caller.withoutAuthentication === undefined && !asked.has(name))
      asked.set(name, `access[${path[1]}].callers[${path[3]}]`);
  }
  return workloads.flatMap(({ caller, path }) => {
    if (caller.withoutAuthentication === undefined) return [];
    const { namespace } = caller;
    const same = asked.get(callerName(caller));
    const whole = asked.get(`${namespace}/*`);
    const by = same ?? whole;
    if (by === undefined) return [];
    const who = same ? "the same caller" : `every workload of ${namespace}`;
    const allowed = `nothing, since ${by} demands authentication of ${who} on the same port; or change that one`;
    return [{ path: [...path, "withoutAuthentication"], hint: { allowed } }];
  });
}

const keysOf = (selector: Selector): string[] => sortedLabels(selector).map(([key]) => key);
const valuesOf =
  (keys: readonly string[]) =>
  ({ intent }: OnPort[number]): string =>
    JSON.stringify(keys.map((key) => intent.target.selector[key]));
const keyOf = (selector: Selector): string => JSON.stringify(sortedLabels(selector));

/** Callers of another trust domain, where nobody could prove to be one. Not while authentication is off: then nobody has to, and off must always work. */
export function foreignCallerConflicts(config: PartialConfig): Conflict[] {
  const { auth, access = [], trustDomain: own } = config;
  if (auth === false) return [];
  const inVain = whyInVain(config);
  return access.flatMap(({ callers }, i) =>
    callers.flatMap((caller, k): Conflict[] => {
      const trustDomain = isWorkload(caller) ? caller.trustDomain : undefined;
      if (trustDomain === undefined) return [];
      const allowed =
        trustDomain === own ? "nothing: without it a caller is of this trust domain, the stack's own" : inVain;
      return allowed === undefined ? [] : [{ path: ["access", i, "callers", k, "trustDomain"], hint: { allowed } }];
    }),
  );
}

/** Why none of them could ever call. */
function whyInVain({ mesh, spire }: PartialConfig): string | undefined {
  if (!mesh?.istio && !mesh?.linkerd)
    return "nothing: Cilium authenticates callers of its own cluster alone; name what they come through, as entity: ingress or a cidr";
  if (mesh.istio && spire?.install === "managed")
    return "nothing: SPIRE gives Istio's proxies the bundle of this trust domain alone, so that they trust no certificate of another";
  return undefined;
}
