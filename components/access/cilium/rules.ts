import { callerName, isWorkload, namespaceName, type Entity } from "../../../core/schema/intent";
import type { Intent, Operation, Phase } from "../../../core/schema/schema";
import { groupBy } from "../../../core/util/groupBy";
import { ciliumHttpRules, type CiliumHttpRule } from "./http";

type Caller = Intent["callers"][number];

/** A rule of a CiliumNetworkPolicy's `ingress`, with one kind of callers: Cilium refuses two in a rule. */
export interface CiliumIngressRule {
  readonly fromEndpoints?: readonly { readonly matchLabels: Readonly<Record<string, string>> }[];
  readonly fromEntities?: readonly string[];
  readonly fromCIDR?: readonly string[];
  readonly toPorts: readonly {
    readonly ports: readonly { readonly port: string; readonly protocol: "TCP" }[];
    readonly rules?: { readonly http: readonly CiliumHttpRule[] };
  }[];
  readonly authentication?: { readonly mode: "required" };
}

/** One caller, and what all intents together ask of it. */
interface Admission {
  readonly caller: Caller;
  readonly authenticated: boolean;
  /** Undefined: everything. */
  readonly operations: readonly Operation[] | undefined;
}

/**
 * Who may call one target on one port: a rule for callers of the same kind with the same operations, of whom authentication is asked or not. Each
 * caller is in one rule, in the order in which callers are first named. Callers that are no workloads are never asked: Cilium would drop them for good.
 *
 * @param intents all intents on the target and the port
 * @param phase `observe` leaves the operations out, since a rule for HTTP denies what it does not name, whatever `enableDefaultDeny` says
 * @throws Error where an intent has empty operations
 */
export function ciliumIngressRules(
  intents: readonly Intent[],
  phase: Exclude<Phase, "off">,
  port: number,
): CiliumIngressRule[] {
  const admissions = admissionsOf(intents).map(({ caller, authenticated, operations }) => ({
    caller,
    authenticated: phase === "require" && authenticated,
    http: phase === "observe" || !operations ? undefined : ciliumHttpRules(operations),
  }));
  const rules = groupBy(admissions, ({ caller, ...rest }) => JSON.stringify([peerFieldOf(caller), rest]));
  return [...rules.values()].map((group) => {
    const [{ authenticated, http }] = group;
    return {
      ...peersOf(group.map(({ caller }) => caller)),
      toPorts: [{ ports: [{ port: String(port), protocol: "TCP" }], ...(http ? { rules: { http } } : {}) }],
      ...(authenticated ? { authentication: { mode: "required" } } : {}),
    };
  });
}

/**
 * Each caller once. What its intents permit adds up, and one without operations permits everything; then its rule for HTTP goes, since Cilium would
 * not apply it. The same where everything is permitted to the caller's whole namespace.
 */
function admissionsOf(intents: readonly Intent[]): Admission[] {
  const single = intents.flatMap(({ callers, operations }) =>
    callers.map((caller) => ({
      caller,
      authenticated: isWorkload(caller) && caller.withoutAuthentication === undefined,
      operations,
    })),
  );
  const merged = [...groupBy(single, ({ caller }) => callerName(caller)).values()].map((same): Admission => {
    const everything = same.some(({ operations }) => operations === undefined);
    return {
      caller: same[0].caller,
      authenticated: same.some(({ authenticated }) => authenticated),
      operations: everything ? undefined : same.flatMap(({ operations = [] }) => operations),
    };
  });
  const free = new Set(merged.filter(({ operations }) => !operations).map(({ caller }) => callerName(caller)));
  return merged.map((admission) => {
    const { caller } = admission;
    const isFree = isWorkload(caller) && free.has(namespaceName(caller));
    return isFree ? { ...admission, operations: undefined } : admission;
  });
}

type PeerField = "fromEndpoints" | "fromEntities" | "fromCIDR";

function peerFieldOf(caller: Caller): PeerField {
  if (isWorkload(caller)) return "fromEndpoints";
  return "entity" in caller ? "fromEntities" : "fromCIDR";
}

/** Callers of one kind as that kind's field. */
function peersOf(callers: readonly Caller[]): Pick<CiliumIngressRule, PeerField> {
  const endpoints = callers.filter(isWorkload).map(({ namespace, serviceAccount }) => ({
    matchLabels: {
      "k8s:io.kubernetes.pod.namespace": namespace,
      ...(serviceAccount === "*" ? {} : { "k8s:io.cilium.k8s.policy.serviceaccount": serviceAccount }),
    },
  }));
  const entities = callers.flatMap((caller) => ("entity" in caller ? ciliumEntities[caller.entity] : []));
  const networks = callers.flatMap((caller) => ("cidr" in caller ? [caller.cidr] : []));
  // An empty list would be dropped on the way, and a rule without callers admits everybody.
  return {
    ...(endpoints.length > 0 ? { fromEndpoints: endpoints } : {}),
    ...(entities.length > 0 ? { fromEntities: entities } : {}),
    ...(networks.length > 0 ? { fromCIDR: networks } : {}),
  };
}

/** Cilium's `host` is the pod's own node alone; the others are `remote-node`. */
const ciliumEntities: Readonly<Record<Entity, readonly string[]>> = {
  ingress: ["ingress"],
  "kube-apiserver": ["kube-apiserver"],
  host: ["host", "remote-node"],
  world: ["world"],
};
