import { callerName, isWorkload } from "../schema/intent";
import { type Intent, type Phase, isClosed } from "../schema/schema";
import { few } from "../util/few";
import { decide, isCaller, isTarget, type Call, type Decision } from "./decide";
import { operationTexts, permits } from "./operations";
import { targetName } from "./targets";

/** An intent that admits a call, and where it is. */
export interface Rule {
  /** `<namespace>/<intent>` */
  readonly intent: string;
  /** In the configuration, as `access[0]`. */
  readonly place: string;
  /** Its callers that the peer is one of. */
  readonly callers: readonly string[];
  /** What enforces it in the cluster, as `CiliumNetworkPolicy orders/zero-trust (Who may call orders/api on port 8080)`; with a waypoint what does there, and at the pods. */
  readonly object: string;
}

/** Why a call may be made or not. */
export interface Explanation extends Decision {
  readonly phase: Phase;
  /** The rules that admit it; none where nobody is denied, and where nobody admits it. */
  readonly rules: readonly Rule[];
  /** In a sentence. */
  readonly because: string;
  /** What to know beside: why nobody is asked to authenticate, and what Cilium admits by itself. */
  readonly notes: readonly string[];
  /** Of a call that is denied: intents that nearly admit it, nearest first. */
  readonly nearMisses: readonly string[];
}

export type Mesh = "cilium" | "istio" | "linkerd";

/**
 * Names the rule that decides a call. The decision is that of `decide`.
 *
 * @param options.source what the list of the intents is called: the key, or the file that has them
 * @param options.waypoint the Gateway in Istio's ambient mode, where there is one
 * @param options.policyOf the CiliumNetworkPolicy that has an intent, and where in it
 */
export function explain(
  intents: readonly Intent[],
  phases: Readonly<Record<string, Phase>>,
  call: Call,
  mesh: Mesh,
  {
    source = "access",
    waypoint,
    policyOf = () => "zero-trust",
  }: {
    source?: string | undefined;
    waypoint?: string | undefined;
    policyOf?: (intent: Intent) => string;
  } = {},
): Explanation {
  const { namespace } = call.to;
  const phase = phases[namespace] ?? "off";
  const decision = decide(intents, phases, call);
  const known = { ...decision, phase };
  if (!isClosed(phase))
    return {
      ...known,
      rules: [],
      because: `nobody is denied in ${namespace}, which is ${phase}`,
      notes: [],
      nearMisses: [],
    };
  // Whoever names a Service for a target does so for all intents about it.
  const hasWaypoint = (intent: Intent) =>
    waypoint !== undefined && intents.some((other) => other.target.service && isSameTarget(other, intent));
  const objectsOf = (intent: Intent, callers: readonly Caller[]) => {
    if (mesh === "cilium") return [policyOf(intent)];
    const name = targetName(intent);
    if (!hasWaypoint(intent)) return [name];
    // A network has no certificate, so it never comes by the waypoint; who may do something alone comes no other way.
    const byWaypoint = callers.some(isWorkload) ? [`waypoint-${name}`] : [];
    const directly = intent.operations === undefined || byWaypoint.length === 0;
    return [...byWaypoint, ...(directly ? [name] : [])];
  };
  const admitting = intents
    .map((intent, i) => ({ intent, i, callers: intent.callers.filter((caller) => isCaller(caller, call.from)) }))
    .filter(({ intent, callers }) => isTarget(intent, call) && callers.length > 0 && mayDo(intent, call));
  const rules = admitting.map(({ intent, i, callers }) => ({
    intent: nameOf(intent),
    place: `${source}[${i}]`,
    callers: callers.map(callerName),
    object: objectsOf(intent, callers)
      .map((name) => `${kinds[mesh]} ${namespace}/${name}`)
      .join(" and "),
  }));
  const named = rules.map(({ intent, callers }) => `${intent} names ${callers.join(", ")}`).join("; ");
  const isNode = "entities" in call.from && call.from.entities.includes("host");
  return {
    ...known,
    rules,
    because: decision.allowed
      ? named
      : denials(
          namespace,
          intents.some((intent) => isTarget(intent, call) && hasWaypoint(intent)),
        )[mesh],
    notes: [
      ...(decision.allowed && !decision.mustAuthenticate
        ? [
            whyUnasked(
              admitting.flatMap(({ callers }) => callers),
              phase,
            ),
          ]
        : []),
      ...(isNode && mesh === "cilium"
        ? ["Cilium admits the pod's own node in any case, for the kubelet's probes"]
        : []),
    ],
    nearMisses: decision.allowed ? [] : nearMisses(intents, call),
  };
}

const kinds = { cilium: "CiliumNetworkPolicy", istio: "AuthorizationPolicy", linkerd: "Server" } as const;
/** @param waypoint whether there is one in front of the called pods */
const denials = (namespace: string, waypoint: boolean) => ({
  cilium: `no intent admits it, and CiliumNetworkPolicy ${namespace}/zero-trust denies everybody else`,
  istio: `no intent admits it, and AuthorizationPolicy ${namespace}/zero-trust-default denies everybody else${waypoint ? ", at the waypoint zero-trust-waypoint-default" : ""}`,
  linkerd: `no intent admits it, and the Servers of ${namespace} deny everybody else on their ports; on others Linkerd's default policy decides`,
});

type Caller = Intent["callers"][number];
const isSameTarget = (a: Intent, b: Intent) =>
  a.target.namespace === b.target.namespace && targetName(a) === targetName(b);
const nameOf = ({ name, target }: Intent) => `${target.namespace}/${name}`;
const mayDo = ({ operations }: Intent, { http }: Call) => !http || !operations || permits(operations, http);

function whyUnasked(callers: readonly Caller[], phase: Phase): string {
  if (phase === "allow") return "nobody is asked to authenticate in allow";
  const reasons = callers.flatMap((caller) =>
    "withoutAuthentication" in caller ? [caller.withoutAuthentication ?? ""] : [],
  );
  return reasons.length > 0 ? `it is exempt: ${reasons.join("; ")}` : "it is no workload, so it cannot authenticate";
}

/** Intents that would admit the call but for one thing. */
function nearMisses(intents: readonly Intent[], call: Call): string[] {
  const { http, port, from } = call;
  const misses = intents
    .filter(({ target }) => target.namespace === call.to.namespace)
    .flatMap((intent): [number, string][] => {
      const about = isTarget({ ...intent, port }, call);
      const onPort = intent.port === port;
      const names = intent.callers.some((caller) => isCaller(caller, from));
      const may = mayDo(intent, call);
      const it = `the intent ${nameOf(intent)}`;
      if (about && onPort && names && http && !may)
        return [
          [
            0,
            `${it} admits it on port ${port}, but not ${http.method} ${http.path}: it has ${few(operationTexts(intent.operations ?? []), 6)}`,
          ],
        ];
      if (about && names && may && !onPort) return [[1, `${it} admits it to these pods, but on port ${intent.port}`]];
      if (about && onPort && may)
        return [[2, `${it} is about these pods and this port, but names ${few(intent.callers.map(callerName), 6)}`]];
      if (onPort && names && may) return [[3, `${it} admits it on port ${port}, but to other pods`]];
      return [];
    });
  return misses
    .sort(([a], [b]) => a - b)
    .slice(0, 5)
    .map(([, text]) => text);
}
