import { isWorkload, type Selector } from "../config/intent";
import type { Intent, Operation, Phase } from "../config/schema";
import { groupBy } from "../groupBy";
import { forced, owned, type KubernetesObject, type PlannedObject } from "../kubernetes";
import type { MeshConflict } from "./mesh";
import { byTarget, shortHash, targetName } from "./targets";

type Caller = Intent["callers"][number];

/** The intents of one namespace whose pods have Istio's sidecars. */
export interface IstioAuthPolicyArgs {
  readonly namespace: string;
  /**
   * `observe`: nobody is denied, and callers without a certificate are served. `allow`: callers are told by their certificates, everybody else is denied but for networks
   * that are named. `require`: nobody is served without a certificate, but on ports for which networks are named.
   */
  readonly phase: Exclude<Phase, "off">;
  /** Only intents whose target is in the namespace. */
  readonly intents: readonly Intent[];
  /** Of the callers' certificates: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
  readonly trustDomain: string;
}

/**
 * One AuthorizationPolicy for each target and port; `zero-trust-default`, which alone says whether anybody is denied; and PeerAuthentications. A pod that some policy selects
 * is closed to everybody whom none admits, on each of its ports. So what opens the namespace is there before the first policy, and goes after the last: one object
 * changes, for all pods at once.
 *
 * @throws Error for what `istioConflicts` refuses
 */
export function istioAuthPolicyObjects(component: string, args: IstioAuthPolicyArgs): PlannedObject[] {
  const allow = byTarget(args.intents).map((intents) => planned(component, allowPolicy(args, intents)));
  const standard = planned(component, defaultPolicy(args));
  const names = allow.map(({ name }) => name);
  const policies =
    args.phase === "observe"
      ? [standard, ...allow.map((policy) => ({ ...policy, after: [standard.name] }))]
      : [...allow, { ...standard, after: names }];
  return [...policies, ...peerAuthentications(args).map((object) => planned(component, object))];
}

function planned(component: string, manifest: KubernetesObject): PlannedObject {
  const kind = manifest.kind === "PeerAuthentication" ? "mtls-" : "";
  return { name: `${component}-${kind}${manifest.metadata.name}`, manifest, after: [], keep: false };
}

const object = (kind: string, namespace: string, name: string, spec: object): KubernetesObject => ({
  apiVersion: "security.istio.io/v1",
  kind,
  metadata: { name, namespace, ...owned("access", { annotations: forced }) },
  spec,
});

/** Admits everybody, or nobody: a policy without rules matches no request, and one empty rule every one. */
function defaultPolicy({ namespace, phase }: IstioAuthPolicyArgs): KubernetesObject {
  const rules = phase === "observe" ? { rules: [{}] } : {};
  return object("AuthorizationPolicy", namespace, "zero-trust-default", { action: "ALLOW", ...rules });
}

/** @param intents with the same target and port */
function allowPolicy(
  { namespace, trustDomain }: IstioAuthPolicyArgs,
  intents: [Intent, ...Intent[]],
): KubernetesObject {
  const [{ target, port }] = intents;
  const sameOperations = groupBy(intents, ({ operations }) => JSON.stringify(operations ?? null));
  return object("AuthorizationPolicy", namespace, targetName(intents[0]), {
    selector: { matchLabels: target.selector },
    action: "ALLOW",
    rules: [...sameOperations.values()].map((group) => ({
      from: sourcesOf(
        group.flatMap(({ callers }) => callers),
        trustDomain,
      ),
      to: operationsOf(group[0].operations, port),
    })),
  });
}

/** Workloads by their certificates. Networks by their addresses, for those who have no certificate: one that is of the mesh is told by what it is. */
function sourcesOf(callers: readonly Caller[], trustDomain: string): object[] {
  const principals = callers
    .filter(isWorkload)
    .map(({ namespace, serviceAccount }) => `${trustDomain}/ns/${namespace}/sa/${serviceAccount}`);
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
function operationsOf(operations: readonly Operation[] | undefined, port: number): object[] {
  const ports = [String(port)];
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

const namesNetworks = ({ callers }: Intent) => callers.some((caller) => "cidr" in caller);

/** How Istio is set up, as far as it decides what can be said. */
export interface IstioMesh {
  readonly mode: "sidecar" | "ambient";
  readonly pathNormalization: "BASE" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES";
}

/**
 * What Istio cannot say, or would say wider than it is meant. Below a prefix it also admits segments that no intent admits, encoded ones say; with slashes merged
 * all of these are below the prefix for the server too.
 *
 * @param access every intent of a stack
 */
export function istioConflicts(access: readonly Intent[], { mode, pathNormalization }: IstioMesh): MeshConflict[] {
  const limited = access.findIndex(({ operations }) => operations);
  const prefixed = access.some(({ operations = [] }) =>
    operations.some(({ paths = [] }) => paths.some((path) => "prefix" in path)),
  );
  return [
    ...access.flatMap((intent, i) => intent.callers.flatMap(callerConflicts(i))),
    ...openTwice(access),
    ...(mode === "ambient" && limited >= 0
      ? [
          {
            path: ["access", limited, "operations"],
            allowed: "nothing in ambient mode: ztunnel knows connections alone",
          },
        ]
      : []),
    ...(mode === "sidecar" && prefixed && pathNormalization === "BASE"
      ? [
          {
            path: ["mesh", "istio", "pathNormalization"],
            allowed:
              "MERGE_SLASHES or DECODE_AND_MERGE_SLASHES, in Istio too, since access has a prefix: undecoded and unmerged, a path below it may lead elsewhere",
            example: "DECODE_AND_MERGE_SLASHES",
          },
        ]
      : []),
  ];
}

const callerConflicts =
  (i: number) =>
  (caller: Caller, k: number): MeshConflict[] => {
    const path = ["access", i, "callers", k];
    if ("entity" in caller)
      return [
        {
          path: [...path, "entity"],
          allowed:
            caller.entity === "ingress"
              ? "the service account of the gateway's pods: to Istio they are a workload as every other"
              : "a cidr with the addresses of these callers: Istio tells nobody apart who has no certificate",
        },
      ];
    if (isWorkload(caller) && caller.withoutAuthentication !== undefined)
      return [
        {
          path: [...path, "withoutAuthentication"],
          allowed:
            "nothing: Istio knows a workload by its certificate alone; a cidr with its addresses is admitted without one",
        },
      ];
    return [];
  };

/** Of two PeerAuthentications with selectors Istio applies the older one to a pod that both select, and ignores the ports of the other. */
function openTwice(access: readonly Intent[]): MeshConflict[] {
  const open = access.map((intent, i) => ({ intent, i })).filter(({ intent }) => namesNetworks(intent));
  return open.flatMap(({ intent: { target }, i }, n) => {
    const other = open
      .slice(0, n)
      .find(
        ({ intent }) =>
          intent.target.namespace === target.namespace &&
          shortHash(Object.entries(intent.target.selector).sort()) !==
            shortHash(Object.entries(target.selector).sort()) &&
          mayMeet(intent.target.selector, target.selector),
      );
    if (!other) return [];
    const allowed = `the selector of access[${other.i}] (${other.intent.name}), or one that wants another value of a label in it: both name networks, and Istio opens the ports of one of them to a pod that both select`;
    return [{ path: ["access", i, "target", "selector"], allowed }];
  });
}

const mayMeet = (a: Selector, b: Selector) => Object.entries(a).every(([key, value]) => (b[key] ?? value) === value);
