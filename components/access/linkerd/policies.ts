import { callerName, isForeign, isWorkload, type WorkloadCaller } from "../../../core/schema/intent";
import type { Intent, Phase } from "../../../core/schema/schema";
import { forced, owned, type KubernetesObject, type PlannedObject } from "../../../core/util/kubernetes";
import { linkerdRoutes, routeConflict, type RouteMatch } from "./routes";
import type { MeshConflict } from "../mesh";
import { byTarget, shortHash, targetName } from "../../../core/access/targets";

type Caller = Intent["callers"][number];

/** The intents of one namespace whose pods have Linkerd's proxies. */
export interface LinkerdAuthPolicyArgs {
  readonly namespace: string;
  /** `observe`: everybody is admitted to the ports that intents are about. From `allow` on workloads by their certificates, networks by their addresses, and nobody else. */
  readonly phase: Exclude<Phase, "off">;
  /** Only intents whose target is in the namespace. */
  readonly intents: readonly Intent[];
}

/**
 * A Server for each target and port, with one policy that admits who may do everything there, or everybody; and routes with policies for those who may do something. The routes are the same in every phase:
 * one policy of each Server changes with it.
 *
 * @throws Error for what `linkerdConflicts` refuses
 */
export function linkerdAuthPolicyObjects(component: string, args: LinkerdAuthPolicyArgs): PlannedObject[] {
  const { namespace } = args;
  const authentications = new Map<string, KubernetesObject>();
  const policies = byTarget(args.intents).map((intents) => serverObjects(args, intents, authentications));
  const planned = (after: readonly string[]) => (manifest: KubernetesObject) => ({
    name: resourceName(component, manifest),
    manifest,
    after,
    keep: false,
  });
  const first = [everybody(namespace), nobody(namespace), ...authentications.values()].map(planned([]));
  const names = first.map(({ name }) => name);
  // A Server denies whom no policy admits, so it comes after its policies; and a policy that names what is not there is ignored.
  return [
    ...first,
    ...policies.flatMap(({ admitting, server, routes }) => {
      const before = [
        ...routes.map(({ route }) => route),
        ...admitting,
        ...routes.flatMap(({ policies }) => policies),
      ].map(planned(names));
      return [...before, planned(before.map(({ name }) => name))(server)];
    }),
  ];
}

const resourceName = (component: string, { kind, metadata }: KubernetesObject) =>
  `${component}-${kind.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()}-${metadata.name}`;

interface ServerObjects {
  readonly server: KubernetesObject;
  readonly admitting: readonly KubernetesObject[];
  readonly routes: readonly { readonly route: KubernetesObject; readonly policies: readonly KubernetesObject[] }[];
}

/**
 * @param intents with the same target and port
 * @param authentications who callers are, by the name of the object: those that are needed are added
 */
function serverObjects(
  { namespace, phase }: LinkerdAuthPolicyArgs,
  intents: readonly [Intent, ...Intent[]],
  authentications: Map<string, KubernetesObject>,
): ServerObjects {
  const [{ target, port }] = intents;
  const name = targetName(intents[0]);
  const refs = (callers: readonly Caller[]) => {
    const needed = authenticationsOf(namespace, callers);
    needed.forEach(({ object }) => authentications.set(`${object.kind}/${object.metadata.name}`, object));
    return needed.map(({ suffix, object }) => ({ suffix, ref: refTo(object) }));
  };
  const policy = (suffix: string, targetRef: object, required: object) =>
    object("AuthorizationPolicy", "v1alpha1", namespace, `${name}${suffix}`, {
      targetRef,
      requiredAuthenticationRefs: [required],
    });

  const free = unique(intents.filter(({ operations }) => !operations).flatMap(({ callers }) => callers));
  const admitted = refs(free);
  const own = admitted.find(({ suffix }) => suffix === "")?.ref ?? refTo(nobody(namespace));
  const others = admitted.filter(({ suffix }) => suffix !== "");
  const server = { group: "policy.linkerd.io", kind: "Server", name };
  const limited = intents.filter(({ operations }) => operations);
  const groups = limited.length > 0 ? linkerdRoutes(limited) : [];
  return {
    server: object("Server", "v1beta3", namespace, name, {
      podSelector: { matchLabels: target.selector },
      port,
      proxyProtocol: "unknown",
      accessPolicy: "deny",
    }),
    admitting: [
      policy("", server, phase === "observe" ? refTo(everybody(namespace)) : own),
      ...others.map(({ suffix, ref }) => policy(suffix, server, ref)),
    ],
    routes: groups.flatMap(({ callers, matches }) => {
      const hash = shortHash(callers.map(callerName));
      return inRoutes(matches).map((rules, i) => {
        const suffix = `-${hash}${i === 0 ? "" : `-${i}`}`;
        const route = object("HTTPRoute", "v1beta3", namespace, `${name}${suffix}`, { parentRefs: [server], rules });
        const targetRef = { group: "policy.linkerd.io", kind: "HTTPRoute", name: route.metadata.name };
        const policies = refs(callers).map((one) => policy(`${suffix}${one.suffix}`, targetRef, one.ref));
        return { route, policies };
      });
    }),
  };
}

/** An HTTPRoute has 16 rules at most, and each of them 8 matches (policy.linkerd.io's CRD). */
function inRoutes(matches: readonly RouteMatch[]): { readonly matches: readonly RouteMatch[] }[][] {
  return chunks(
    chunks(matches, 8).map((some) => ({ matches: some })),
    16,
  );
}

function chunks<T>(values: readonly T[], size: number): T[][] {
  const count = Math.ceil(values.length / size);
  return Array.from({ length: count }, (_, i) => values.slice(i * size, (i + 1) * size));
}

const refTo = ({ kind, metadata: { name } }: KubernetesObject) => ({ group: "policy.linkerd.io", kind, name });

const unique = (callers: readonly Caller[]) => [
  ...new Map(callers.map((caller) => [callerName(caller), caller])).values(),
];

/** Who callers are, and what a policy for them is called after its target: all that a policy asks for has to hold, so that each has one of its own. */
interface Authentication {
  readonly suffix: string;
  readonly object: KubernetesObject;
}

/** One object for the workloads among callers, one for those of other trust domains and one for the networks, where there are any. An empty list would admit everybody. */
function authenticationsOf(namespace: string, callers: readonly Caller[]): Authentication[] {
  const workloads = callers.filter(isWorkload);
  const [foreign, own] = [workloads.filter(isForeign), workloads.filter((caller) => !isForeign(caller))];
  const networks = callers.flatMap((caller) => ("cidr" in caller ? [caller.cidr] : []));
  if (callers.length > workloads.length + networks.length)
    throw new Error("Linkerd knows callers by certificates and addresses alone");
  const named = (names: readonly string[]) => `callers-${shortHash([...names].sort())}`;
  // An object has either references or names (policy.linkerd.io's CRD).
  const mesh = (of: readonly WorkloadCaller[], spec: object) =>
    object("MeshTLSAuthentication", "v1alpha1", namespace, named(of.map(callerName)), spec);
  return [
    ...(own.length > 0 ? [{ suffix: "", object: mesh(own, { identityRefs: own.map(identityRef) }) }] : []),
    ...(foreign.length > 0
      ? [{ suffix: "-trust-domains", object: mesh(foreign, { identities: foreign.map(identityName) }) }]
      : []),
    ...(networks.length > 0
      ? [{ suffix: "-networks", object: networkAuthentication(namespace, named(networks), networks) }]
      : []),
  ];
}

function identityRef({ namespace, serviceAccount }: WorkloadCaller): object {
  if (serviceAccount === "*") return { kind: "Namespace", name: namespace };
  return { kind: "ServiceAccount", name: serviceAccount, namespace };
}

/** As Linkerd writes it, with its control plane in the namespace `linkerd` (linkerd2, policy-controller/k8s/index/src/cluster_info.rs). */
const identityName = ({ trustDomain, namespace, serviceAccount }: WorkloadCaller) =>
  `${serviceAccount}.${namespace}.serviceaccount.identity.linkerd.${trustDomain}`;

const networkAuthentication = (namespace: string, name: string, networks: readonly string[]) =>
  object("NetworkAuthentication", "v1alpha1", namespace, name, { networks: networks.map((cidr) => ({ cidr })) });

const everybody = (namespace: string) =>
  networkAuthentication(namespace, "zero-trust-everybody", ["0.0.0.0/0", "::/0"]);

/** A policy without references admits everybody, so that one for nobody names somebody who cannot be: `.invalid` is nobody's (RFC 2606). */
const nobody = (namespace: string) =>
  object("MeshTLSAuthentication", "v1alpha1", namespace, "zero-trust-nobody", { identities: ["nobody.invalid"] });

const object = (kind: string, version: string, namespace: string, name: string, spec: object): KubernetesObject => ({
  apiVersion: `policy.linkerd.io/${version}`,
  kind,
  metadata: { name, namespace, ...owned("access", { annotations: forced }) },
  spec,
});

/**
 * What Linkerd cannot say, or would say wider than it is meant.
 *
 * @param access every intent of a stack
 */
export function linkerdConflicts(access: readonly Intent[]): MeshConflict[] {
  const callers = access.flatMap((intent, i) =>
    intent.callers.flatMap((caller, k): MeshConflict[] => {
      const path = ["access", i, "callers", k];
      if ("entity" in caller)
        return [
          {
            path: [...path, "entity"],
            allowed:
              "a cidr with the addresses of these callers, or the service account of their pods: Linkerd knows no others",
          },
        ];
      if (isWorkload(caller) && caller.withoutAuthentication !== undefined)
        return [
          {
            path: [...path, "withoutAuthentication"],
            allowed:
              "nothing: Linkerd knows a workload by its certificate alone; a cidr with its addresses is admitted without one",
          },
        ];
      return [];
    }),
  );
  const placed = new Map(access.map((intent, i) => [intent, i]));
  const routes = namespaces(access).flatMap((intents) =>
    byTarget(intents).flatMap((onTarget) => {
      const limited = onTarget.filter(({ operations }) => operations);
      const allowed = limited.length > 0 ? routeConflict(limited) : undefined;
      return allowed === undefined ? [] : [{ path: ["access", placed.get(limited.at(-1)!)!, "operations"], allowed }];
    }),
  );
  return [...callers, ...routes];
}

const namespaces = (access: readonly Intent[]) =>
  [...new Set(access.map(({ target }) => target.namespace))].map((namespace) =>
    access.filter(({ target }) => target.namespace === namespace),
  );
