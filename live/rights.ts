import { releaseNamespaceOf } from "../components/cilium/values";
import { valuesConfigMap } from "../core/schema/helmRelease";
import type { StackConfig } from "../core/schema/schema";
import { groupBy } from "../core/util/groupBy";
import type { KubernetesObject } from "../core/util/kubernetes";
import { csiDriver } from "../components/spire/addons/csi";
import { serverPods, spire as names } from "../core/schema/spireNames";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const core = (resource: string, verbs: readonly string[], resourceNames?: readonly string[]): Rule =>
  rule("", resource, verbs, resourceNames);
const rule = (group: string, resource: string, verbs: readonly string[], resourceNames?: readonly string[]): Rule => ({
  apiGroups: [group],
  resources: [resource],
  verbs,
  ...(resourceNames ? { resourceNames } : {}),
});
/** From 1.35 on Kubernetes asks for `create` also where a WebSocket is opened, and before for `get` (AuthorizePodWebsocketUpgradeCreatePermission). */
const connect = ["create", "get"];

/**
 * What a kubeconfig needs, beside what it deploys, for an update to know how far the cluster is, and for `npm run verify` and `rollout`: roles, and bindings to a group that
 * is the reader's to name. Without any of it off works all the same.
 */
export function gateRights({ cluster, mesh, spire, rollout }: StackConfig): KubernetesObject[] {
  const cilium = cluster.cilium?.namespace;
  if (cilium === undefined) return rightsBesideMesh(rollout, namespacesOf(spire), driverRights(spire));
  const servers = serverPods(spire.replicas);
  const enrolled = mesh ? Object.keys(rollout.phases).sort() : [];
  const everywhere: Rule[] = [
    core("namespaces", ["get"], ["kube-system", ...enrolled]),
    ...["ciliumidentities", "ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"].map((kind) =>
      rule("cilium.io", kind, ["list"]),
    ),
    rule("monitoring.coreos.com", "prometheusrules", ["list"]),
    ...driverRights(spire),
  ];
  const rights: { namespace: string; rule: Rule }[] = [
    { namespace: cilium, rule: core("configmaps", ["get"], ["cilium-config"]) },
    { namespace: cilium, rule: rule("apps", "daemonsets", ["get"], ["cilium"]) },
    { namespace: cilium, rule: rule("apps", "deployments", ["get"], ["cilium-operator"]) },
    ...[cilium, spire.agentNamespace, ...namespacesOf(spire), ...Object.keys(rollout.phases)].map((namespace) => ({
      namespace,
      rule: core("pods", ["list"]),
    })),
    ...(cluster.cilium?.delivery === "flux" ? deliveryRights(releaseNamespaceOf(cluster.cilium), spire) : []),
    { namespace: cilium, rule: core("pods/exec", connect) },
    { namespace: cilium, rule: core("pods/portforward", connect) },
    ...(spire.install === "external" || spire.install === "none"
      ? []
      : [{ namespace: names.namespace, rule: core("pods/exec", connect, servers) }]),
    ...Object.keys(rollout.phases).map((namespace) => ({
      namespace,
      rule: rule("networking.k8s.io", "networkpolicies", ["list"]),
    })),
  ];
  return roles("zero-trust-gates", everywhere, rights);
}

/**
 * What a kubeconfig needs for `npm run verify -- --stack NAME`, and no more: it reads, and runs commands that read (`pods/exec`) in the pods of Cilium's agents and SPIRE's
 * servers.
 */
export function verifyRights({ cluster, spire }: StackConfig): KubernetesObject[] {
  const name = "zero-trust-verify";
  const identity = core("namespaces", ["get"], ["kube-system"]);
  const cilium = cluster.cilium?.namespace;
  const managed = spire.install === "managed";
  const ciliums = ["ciliumidentities", "ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"];
  const everywhere = [
    identity,
    ...(cilium === undefined ? [] : ciliums.map((kind) => rule("cilium.io", kind, ["list"]))),
    ...(managed
      ? ["clusterstaticentries", "clusterspiffeids"].map((kind) => rule("spire.spiffe.io", kind, ["list"]))
      : []),
    ...(cilium === undefined ? [] : [rule("monitoring.coreos.com", "prometheusrules", ["list"])]),
  ];
  const ofCilium = [
    core("configmaps", ["get"], ["cilium-config"]),
    rule("apps", "daemonsets", ["get"], ["cilium"]),
    rule("apps", "deployments", ["get"], ["cilium-operator"]),
    core("pods", ["list"]),
    core("pods/exec", connect),
    core("pods/portforward", connect),
  ].flatMap((rule) => (cilium === undefined ? [] : [{ namespace: cilium, rule }]));
  const ofSpire = [
    ...[
      rule("apps", "statefulsets", ["get"], [names.server]),
      core("pods", ["list"]),
      core("pods/exec", connect, serverPods(spire.replicas)),
      ...(managed ? [core("configmaps", ["get"], [names.server])] : []),
    ].map((rule) => ({ namespace: names.namespace, rule })),
    ...[
      rule("apps", "daemonsets", ["get"], [names.agent]),
      core("pods", ["list"]),
      ...(managed ? [core("configmaps", ["get"], [names.agent, names.bundle.configMap])] : []),
    ].map((rule) => ({ namespace: spire.agentNamespace, rule })),
  ];
  const hasSpire = managed || spire.install === "bundled";
  return roles(name, everywhere, [...ofCilium, ...(hasSpire ? ofSpire : [])]);
}

/** Roles with what is needed everywhere, and in some namespaces. */
function roles(
  name: string,
  everywhere: readonly Rule[],
  rights: readonly { readonly namespace: string; readonly rule: Rule }[],
): KubernetesObject[] {
  const byNamespace = groupBy(rights, ({ namespace }) => namespace);
  return [
    ...bound(name, "Cluster", undefined, everywhere),
    ...[...byNamespace.keys()].sort().flatMap((namespace) => {
      const rules = (byNamespace.get(namespace) ?? []).map(({ rule }) => rule);
      return bound(name, "", namespace, [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()]);
    }),
  ];
}

/** Who reads the values that this stack writes, and whether Flux applies them, or SPIRE, too. */
function deliveryRights(namespace: string, { install }: StackConfig["spire"]): { namespace: string; rule: Rule }[] {
  const server = rule("apps", "statefulsets", ["get"], [names.server]);
  return [
    { namespace, rule: rule("helm.toolkit.fluxcd.io", "helmreleases", ["list"]) },
    { namespace, rule: core("configmaps", ["get"], [valuesConfigMap.name]) },
    ...(install === "managed" ? [{ namespace: names.namespace, rule: server }] : []),
  ];
}

/** Whether somebody else has the CSI driver that the stack is to bring. */
const driverRights = ({ csi }: StackConfig["spire"]): Rule[] =>
  csi ? [rule("storage.k8s.io", "csidrivers", ["get"], [csiDriver])] : [];

/** Where the pods are for which an update waits, and which say why they are not ready. */
const namespacesOf = ({ install, agentNamespace }: StackConfig["spire"]) =>
  install === "managed" ? [names.namespace, agentNamespace] : [];

/** Which cluster it is, whose the namespaces are, and which pods run in them and of SPIRE: nothing else is asked of the mesh where another one authenticates. */
const rightsBesideMesh = ({ phases }: StackConfig["rollout"], waitedFor: readonly string[], more: readonly Rule[]) => [
  ...bound("zero-trust-gates", "Cluster", undefined, [
    core("namespaces", ["get"], ["kube-system", ...Object.keys(phases).sort()]),
    ...more,
  ]),
  ...[...new Set([...Object.keys(phases), ...waitedFor])]
    .sort()
    .flatMap((namespace) => bound("zero-trust-gates", "", namespace, [core("pods", ["list"])])),
];

/** The role, and its binding to the group. */
function bound(
  name: string,
  prefix: "" | "Cluster",
  namespace: string | undefined,
  rules: readonly Rule[],
): KubernetesObject[] {
  const apiGroup = "rbac.authorization.k8s.io";
  const apiVersion = `${apiGroup}/v1`;
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  return [
    { apiVersion, kind: `${prefix}Role`, metadata, rules },
    {
      apiVersion,
      kind: `${prefix}RoleBinding`,
      metadata,
      roleRef: { apiGroup, kind: `${prefix}Role`, name },
      subjects: [{ kind: "Group", apiGroup, name: "zero-trust" }],
    },
  ];
}
