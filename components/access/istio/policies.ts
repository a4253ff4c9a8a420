import { isWorkload } from "../../../core/schema/intent";
import type { Intent, Operation, Phase } from "../../../core/schema/schema";
import { groupBy } from "../../../core/util/groupBy";
import { forced, owned, type KubernetesObject, type PlannedObject } from "../../../core/util/kubernetes";
import { waypointGateway, waypointIdentity, waypointTarget } from "./waypoint";
import { byTarget, shortHash, targetName } from "../../../core/access/targets";

type Caller = Intent["callers"][number];

/** The intents of one namespace whose pods are in Istio's mesh, with sidecars or behind ztunnel. */
export interface IstioAuthPolicyArgs {
  readonly namespace: string;
  /**
   * `observe`: nobody is denied, and callers without a certificate are served. `allow`: callers are told by their certificates, everybody else is denied but for networks
   * that are named. `require`: nobody is served without a certificate, but on ports for which networks are named.
   */
  readonly phase: Exclude<Phase, "off">;
  /** Only intents whose target is in the namespace. */
  readonly intents: readonly Intent[];
  /** Of the callers' certificates, where an intent says no other: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
  readonly trustDomain: string;
  /** In ambient mode, the Gateway through which callers of a target's `service` come, and which this makes. @default none */
  readonly waypoint?: string;
}

/**
 * One AuthorizationPolicy for each target and port; `zero-trust-default`, which alone says whether anybody is denied; and PeerAuthentications. A pod that some policy selects
 * is closed to everybody whom none admits, on each of its ports. So what opens the namespace is there before the first policy, and goes after the last: one object
 * changes, for all pods at once.
 *
 * With a waypoint, a policy and a default of its own beside them. They come before the pods admit it, and the Gateway, which makes it, comes last: nobody gets past a waypoint
 * that nothing is written for.
 *
 * @throws Error for what `istioConflicts` refuses
 */
export function istioAuthPolicyObjects(component: string, args: IstioAuthPolicyArgs): PlannedObject[] {
  const targets = byTarget(args.intents);
  const allow = targets.map((intents) => planned(component, allowPolicy(args, intents)));
  const standard = planned(component, defaultPolicy(args));
  const waypoint = waypointOf(args, targets).map((manifest) => planned(component, manifest));
  const [waypointStandard, gateway, ...waypointAllow] = waypoint;
  const closed = args.phase !== "observe";
  const defaults = waypointStandard ? [waypointStandard, standard] : [standard];
  const policies = closed
    ? inTurn(waypointAllow, waypointStandard ? [waypointStandard] : [], allow, [standard])
    : inTurn(defaults, [...waypointAllow, ...allow]);
  const last = gateway ? [{ ...gateway, after: policies.map(({ name }) => name) }] : [];
  return [...policies, ...last, ...peerAuthentications(args).map((object) => planned(component, object))];
}

/** Each of a group after all of the group before it. */
function inTurn(...groups: readonly (readonly PlannedObject[])[]): PlannedObject[] {
  const filled = groups.filter((group) => group.length > 0);
  return filled.flatMap((group, i) => {
    const before = (filled[i - 1] ?? []).map(({ name }) => name);
    return group.map((object) => ({ ...object, after: before }));
  });
}

/** What is there for the waypoint: its default, the Gateway, and a policy for each target that it is in front of. Nothing where it is in front of none. */
function waypointOf(args: IstioAuthPolicyArgs, targets: readonly [Intent, ...Intent[]][]): KubernetesObject[] {
  const { namespace, waypoint } = args;
  const policies = targets.flatMap((intents) => waypointPolicy(args, intents));
  if (waypoint === undefined || policies.length === 0) return [];
  const targetRefs = [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: waypoint }];
  return [
    object("AuthorizationPolicy", namespace, "zero-trust-waypoint-default", { targetRefs, ...everybodyOrNobody(args) }),
    waypointGateway(namespace, waypoint),
    ...policies,
  ];
}

const kinds = new Map([
  ["PeerAuthentication", "mtls-"],
  ["Gateway", "gateway-"],
]);

function planned(component: string, manifest: KubernetesObject): PlannedObject {
  const kind = kinds.get(manifest.kind) ?? "";
  return { name: `${component}-${kind}${manifest.metadata.name}`, manifest, after: [], keep: false };
}

const object = (kind: string, namespace: string, name: string, spec: object): KubernetesObject => ({
  apiVersion: "security.istio.io/v1",
  kind,
  metadata: { name, namespace, ...owned("access", { annotations: forced }) },
  spec,
});

const defaultPolicy = (args: IstioAuthPolicyArgs) =>
  object("AuthorizationPolicy", args.namespace, "zero-trust-default", everybodyOrNobody(args));

/** A policy without rules matches no request, and one empty rule every one. */
const everybodyOrNobody = ({ phase }: IstioAuthPolicyArgs) => ({
  action: "ALLOW",
  ...(phase === "observe" ? { rules: [{}] } : {}),
});

/**
 * Whom the pods admit. Behind a waypoint that is the waypoint, which has looked at the request, and who may do everything and so need not come through it; a caller that may
 * do something alone is not among them, or it would call the pod's address.
 *
 * @param intents with the same target and port
 */
function allowPolicy(args: IstioAuthPolicyArgs, intents: [Intent, ...Intent[]]): KubernetesObject {
  const { namespace, trustDomain } = args;
  const [{ target, port }] = intents;
  const waypoint = waypointTarget(args.waypoint, intents) && waypointIdentity(args);
  const admitted = waypoint ? intents.filter(({ operations }) => operations === undefined) : intents;
  const rules = rulesOf(admitted, [String(port)], trustDomain);
  return object("AuthorizationPolicy", namespace, targetName(intents[0]), {
    selector: { matchLabels: target.selector },
    action: "ALLOW",
    ...withRules(
      waypoint
        ? [{ from: [{ source: { principals: [waypoint] } }], to: [{ operation: { ports: [String(port)] } }] }, ...rules]
        : rules,
    ),
  });
}

/**
 * What the waypoint lets through to one target: to it, the port is the Service's. Networks have no certificate, so they never come that way.
 *
 * @param intents with the same target and port
 */
function waypointPolicy(args: IstioAuthPolicyArgs, intents: [Intent, ...Intent[]]): KubernetesObject[] {
  const service = waypointTarget(args.waypoint, intents);
  if (!service) return [];
  const workloads = intents
    .map((intent) => ({ ...intent, callers: intent.callers.filter(isWorkload) }))
    .filter(({ callers }) => callers.length > 0);
  const rules = rulesOf(workloads, [String(service.port)], args.trustDomain);
  return [
    object("AuthorizationPolicy", args.namespace, `waypoint-${targetName(intents[0])}`, {
      targetRefs: [{ group: "", kind: "Service", name: service.name }],
      action: "ALLOW",
      ...withRules(rules),
    }),
  ];
}

/** None is another thing than an empty list: it admits nobody. */
const withRules = (rules: readonly object[]) => (rules.length > 0 ? { rules } : {});

/** A rule for all intents with the same operations; none for those that name nobody. */
function rulesOf(intents: readonly Intent[], ports: string[], trustDomain: string): object[] {
  const naming = intents.filter(({ callers }) => callers.length > 0);
  const sameOperations = groupBy(naming, ({ operations }) => JSON.stringify(operations ?? null));
  return [...sameOperations.values()].map((group) => ({
    from: sourcesOf(
      group.flatMap(({ callers }) => callers),
      trustDomain,
    ),
    to: operationsOf(group[0].operations, ports),
  }));
}

/** Workloads by their certificates. Networks by their addresses, for those who have no certificate: one that is of the mesh is told by what it is. */
function sourcesOf(callers: readonly Caller[], own: string): object[] {
  const principals = callers
    .filter(isWorkload)
    .map(({ trustDomain = own, namespace, serviceAccount }) => `${trustDomain}/ns/${namespace}/sa/${serviceAccount}`);
  const networks = callers.flatMap((caller) => ("cidr" in caller ? [caller.cidr] : []));
  const sources = [
    ...(principals.length > 0 ? [{ source: { principals: [...new Set(principals)] } }] : []),
    ...(networks.length > 0 ? [{ source: { ipBlocks: [...new Set(networks)], notPrincipals: ["*"] } }] : []),
  ];
  // A rule without `from` admits everybody.
  if (sources.length === 0 || callers.some((caller) => "entity" in caller))
    throw new Error("Istio knows callers by certificates and addresses alone");
  return sources;
}

/** Istio compares with the path without its query, once that is normalised as the mesh's configuration says. */
function operationsOf(operations: readonly Operation[] | undefined, ports: string[]): object[] {
  if (operations === undefined) return [{ operation: { ports } }];
  return operations.map(({ methods, paths }) => ({
    operation: {
      ports,
      ...(methods ? { methods: [...new Set(methods)] } : {}),
      ...(paths ? { paths: [...new Set(paths.flatMap(pathsOf))] } : {}),
    },
  }));
}

function pathsOf(path: NonNullable<Operation["paths"]>[number]): string[] {
  if ("exact" in path) return [path.exact];
  return path.prefix === "/" ? ["/*"] : [path.prefix, `${path.prefix}/*`];
}

/**
 * Who must have a certificate: in `require` everybody, but on a port for which networks are named. Istio applies one PeerAuthentication to a pod, the one with a selector
 * before the namespace's own.
 */
function peerAuthentications({ namespace, phase, intents }: IstioAuthPolicyArgs): KubernetesObject[] {
  const mtls = { mode: phase === "require" ? "STRICT" : "PERMISSIVE" };
  const open = groupBy(intents.filter(namesNetworks), ({ target }) =>
    shortHash(Object.entries(target.selector).sort()),
  );
  return [
    object("PeerAuthentication", namespace, "zero-trust", { mtls }),
    ...[...open].map(([hash, [first, ...rest]]) =>
      object("PeerAuthentication", namespace, `zero-trust-${hash}`, {
        selector: { matchLabels: first.target.selector },
        mtls,
        portLevelMtls: Object.fromEntries([first, ...rest].map(({ port }) => [String(port), { mode: "PERMISSIVE" }])),
      }),
    ),
  ];
}

/** Who has no certificate and is told by an address. */
export const namesNetworks = ({ callers }: Intent) => callers.some((caller) => "cidr" in caller);
