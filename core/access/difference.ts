import { isWorkload, kindOf, type CallerKind, type Selector } from "../schema/intent";
import { type Intent, type Phase, isClosed } from "../schema/schema";
import { groupBy } from "../util/groupBy";
import { portDifference, type Pods } from "./portDifference";
import type { CallerChange } from "./targetDifference";
import { whyOf } from "./whyChanged";

/** Who may call whom: intents that go together, as every loaded configuration has them, and the phases that are in force. */
export interface AccessState {
  readonly auth: boolean;
  readonly phases: Readonly<Record<string, Phase>>;
  readonly intents: readonly Intent[];
}

/** Before the first update nobody is denied. */
export const noState: AccessState = { auth: false, phases: {}, intents: [] };

/** One line of who gains or loses access, or must authenticate for what stays. */
export interface Change {
  readonly direction: CallerChange["direction"];
  /**
   * As callerName has it. `*` for a whole namespace at once: where access is lost, whoever no intent names; where it is gained, the same; and where authentication is
   * asked or no longer asked, whoever is named and not exempt.
   */
  readonly from: string;
  readonly kind?: Exclude<CallerKind, "workload">;
  /** Parts of `from` for which it is not so: nothing changes, or they have lines of their own. */
  readonly except?: readonly string[];
  /** `<namespace>/<intent>, <intent>`, or the namespace alone. */
  readonly to: string;
  readonly namespace: string;
  /** The pods that have these labels, and not all of one of those. Undefined for all pods of the namespace. */
  readonly selector?: Selector;
  readonly without?: readonly Selector[];
  readonly port?: number;
  /** As operationTexts has them. Undefined for everything; empty where only connections change. */
  readonly operations?: readonly string[];
  /** Of access that is gained or lost in part, what the caller could do before or can do still; what both have in common is not gained or lost. */
  readonly beside?: readonly string[];
  /** Of access that is gained: the caller must authenticate for it. */
  readonly authenticated?: true;
  readonly why: readonly string[];
}

/**
 * Who gains and who loses access, and why, for what the states mean and not how they are written: an intent that is renamed, moved or split changes nothing. A caller that is
 * several things at once, an API server on a node say, may do what any of them may; the lines are about one each.
 */
export function difference(before: AccessState, after: AccessState): Change[] {
  const was = groupBy(before.intents, ({ target }) => target.namespace);
  const is = groupBy(after.intents, ({ target }) => target.namespace);
  const namespaces = new Set([...Object.keys(before.phases), ...Object.keys(after.phases)]);
  return [...namespaces].sort().flatMap((namespace) => {
    const part = (state: AccessState, intents: readonly Intent[] = []) => ({
      auth: state.auth,
      phase: state.phases[namespace] ?? "off",
      intents,
      byName: new Map(intents.map((intent) => [intent.name, intent])),
    });
    return ofNamespace(namespace, part(before, was.get(namespace)), part(after, is.get(namespace)));
  });
}

/** One namespace of a state. */
interface Part {
  readonly auth: boolean;
  readonly phase: Phase;
  readonly intents: readonly Intent[];
  readonly byName: ReadonlyMap<string, Intent>;
}

const asks = ({ phase }: Part) => phase === "require";

function ofNamespace(namespace: string, before: Part, after: Part): Change[] {
  const flag = before.auth === after.auth ? "" : ` (auth is turned ${after.auth ? "on" : "off"})`;
  const why = [`${namespace} goes from ${before.phase} to ${after.phase}${flag}`];
  const everybody = (direction: Change["direction"]) => ({ direction, from: "*", to: namespace, namespace, why });
  if (!isClosed(before.phase) && !isClosed(after.phase)) return [];
  if (!isClosed(before.phase))
    return [everybody("lost"), ...(asks(after) && asksAnybody(after) ? [everybody("must authenticate")] : [])];
  if (!isClosed(after.phase))
    return [everybody("gained"), ...(asks(before) && asksAnybody(before) ? [everybody("need not authenticate")] : [])];

  const changes = [...portsOf(before, after)].flatMap(([port, [was, is]]) =>
    portDifference({ intents: was, asks: asks(before) }, { intents: is, asks: asks(after) }).flatMap((pods) =>
      pods.changes.map((change) => lineOf(namespace, port, pods, change, before, after)),
    ),
  );
  if (before.phase === after.phase) return changes;
  // Nobody is asked in one of the phases, so that the phase is the reason for everybody.
  const direction = asks(after) ? "must authenticate" : "need not authenticate";
  const rest = changes.filter((change) => change.direction !== direction);
  return rest.length === changes.length ? rest : [everybody(direction), ...rest];
}

const asksAnybody = ({ intents }: Part) =>
  intents.some(({ callers }) =>
    callers.some((caller) => isWorkload(caller) && caller.withoutAuthentication === undefined),
  );

/** The intents of both sides by their port. */
function portsOf(before: Part, after: Part): Map<number, [Intent[], Intent[]]> {
  const ports = new Map<number, [Intent[], Intent[]]>();
  [before, after].forEach(({ intents }, side) => {
    for (const intent of intents) {
      const pair = ports.get(intent.port) ?? [[], []];
      pair[side]?.push(intent);
      ports.set(intent.port, pair);
    }
  });
  return ports;
}

function lineOf(
  namespace: string,
  port: number,
  { selector, without }: Pods,
  { direction, from, caller, except, operations, beside, authenticated, intents }: CallerChange,
  before: Part,
  after: Part,
): Change {
  const kind = kindOf(caller);
  const other = direction === "gained" || direction === "must authenticate" ? before : after;
  return {
    direction,
    from,
    ...(kind === "workload" ? {} : { kind }),
    ...(except.length > 0 ? { except } : {}),
    to: `${namespace}/${[...new Set(intents.map(({ name }) => name))].join(", ")}`,
    namespace,
    selector,
    ...(without.length > 0 ? { without } : {}),
    port,
    ...(operations ? { operations } : {}),
    ...(beside ? { beside } : {}),
    ...(authenticated ? { authenticated } : {}),
    why: [
      ...new Set(
        intents.map(
          (intent) =>
            `the intent ${namespace}/${intent.name} ${whyOf(intent, other.byName.get(intent.name), direction, caller)}`,
        ),
      ),
    ],
  };
}
