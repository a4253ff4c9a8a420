import { owned, type KubernetesObject } from "../../core/util/kubernetes";
import { attestsByToken } from "./plugins/attestor";
import { leaseName } from "./configuration";
import type { ManagedSpire } from "./settings";
import { spire } from "../../core/schema/spireNames";

/** A service account's name and namespace. */
interface Account {
  readonly name: string;
  readonly namespace: string;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export function serviceAccount(
  { name, namespace }: Account,
  annotations: Readonly<Record<string, string>> = {},
): KubernetesObject {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, ...owned(name, { annotations }) } };
}

/** What the server and the controller-manager in its pod may do in the whole cluster: where agents attest by tokens, review them and read nodes; reconcile static entries. */
export const serverClusterRules = (args: ManagedSpire): readonly Rule[] => [
  ...(attestsByToken(args)
    ? [
        { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
        { apiGroups: [""], resources: ["nodes"], verbs: ["get"] },
      ]
    : []),
  { apiGroups: ["spire.spiffe.io"], resources: ["clusterstaticentries"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["spire.spiffe.io"], resources: ["clusterstaticentries/status"], verbs: ["get", "patch", "update"] },
];

/** What the server may do in the namespace of the agents: look at the pod of an agent that attests by its token, publish the bundle. */
export const serverNamespaceRules = (args: ManagedSpire): readonly Rule[] => [
  ...(attestsByToken(args) ? [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] : []),
  {
    apiGroups: [""],
    resources: ["configmaps"],
    resourceNames: [spire.bundle.configMap],
    verbs: ["get", "create", "patch"],
  },
];

/** What controller-managers do in SPIRE's namespace where there are several: agree which of them reconciles, and say so. */
export const electionRules: readonly Rule[] = [
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    resourceNames: [leaseName],
    verbs: ["get", "update"],
  },
  { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
];

/** What the controller-manager reads where pods get entries of their own: which there are, where, and which Services lead to them. */
export const workloadRules: readonly Rule[] = [
  { apiGroups: [""], resources: ["namespaces", "nodes", "pods", "endpoints"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["spire.spiffe.io"], resources: ["clusterspiffeids"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["spire.spiffe.io"], resources: ["clusterspiffeids/status"], verbs: ["get", "patch", "update"] },
];

/** What the controller-manager reads where there are other trust domains. */
export const federationRules: readonly Rule[] = [
  { apiGroups: ["spire.spiffe.io"], resources: ["clusterfederatedtrustdomains"], verbs: ["get", "list", "watch"] },
];

/** What the server does in its namespace where cert-manager signs its CA (pkg/server/plugin/upstreamauthority/certmanager): ask, wait, and clear away. */
export const certificateRules: readonly Rule[] = [
  {
    apiGroups: ["cert-manager.io"],
    resources: ["certificaterequests"],
    verbs: ["create", "get", "list", "delete"],
  },
];

/** What the agent may do: ask the kubelet which pod a process belongs to. `nodes/proxy` would allow to run commands in every pod. */
export const agentClusterRules: readonly Rule[] = [{ apiGroups: [""], resources: ["nodes/pods"], verbs: ["get"] }];

/** A role and its binding to a service account, both of the account's name unless they have another: cluster-wide, or in one namespace. */
export function roleAndBinding(
  account: Account,
  rules: readonly Rule[],
  namespace?: string,
  name = account.name,
): [role: KubernetesObject, binding: KubernetesObject] {
  const prefix = namespace === undefined ? "Cluster" : "";
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }), ...owned(name) };
  const apiVersion = "rbac.authorization.k8s.io/v1";
  return [
    { apiVersion, kind: `${prefix}Role`, metadata, rules },
    {
      apiVersion,
      kind: `${prefix}RoleBinding`,
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: `${prefix}Role`, name },
      subjects: [{ kind: "ServiceAccount", ...account }],
    },
  ];
}
