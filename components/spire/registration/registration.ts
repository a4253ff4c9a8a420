import { type Identity, type StaticEntry, type WorkloadIds, type ManagedSpire } from "../settings";
import { owned, type KubernetesObject } from "../../../core/util/kubernetes";
import { nodeSelectors } from "../plugins/attestor";
import { ciliumIds, nodeAliasPath } from "../../../core/schema/spireNames";

/**
 * The entries that are this program's, by name: a node alias, an entry for each way to tell a node, and below it Cilium's agent and operator. Without Cilium the
 * alias alone, and that where the user has entries, which are below it.
 */
export function ownEntries(args: ManagedSpire): KubernetesObject[] {
  const { trustDomain, ciliumNamespace, entries } = args;
  const alias = nodeAliasPath(args);
  const id = (path: string) => `spiffe://${trustDomain}${path}`;
  // An alias, since SPIRE hands an agent only the entries below its own ID or its aliases: below one node's agent, they would reach that node alone.
  const name = ciliumNamespace === undefined ? aliasName : `cilium-${aliasName}`;
  const aliases = [...nodeSelectors(args)].map(([key, selectors], i) =>
    staticEntry(i === 0 ? name : `${name}-${key.slice(0, 16)}`, id(alias), id("/spire/server"), selectors),
  );
  if (ciliumNamespace === undefined) return entries.length > 0 ? aliases : [];
  const workload = (name: string, path: string, serviceAccount: string) =>
    staticEntry(name, id(path), id(alias), [`k8s:ns:${ciliumNamespace}`, `k8s:sa:${serviceAccount}`]);
  return [
    ...aliases,
    workload("cilium-agent", ciliumIds.agent, "cilium"),
    workload("cilium-operator", ciliumIds.operator, "cilium-operator"),
  ];
}

const aliasName = "node-alias";

/** Whether an entry is called as one of those: nobody else's may be. */
export const isOwnEntryName = (name: string): boolean =>
  /^((cilium-)?node-alias(-.*)?|cilium-agent|cilium-operator)$/.test(name);

function staticEntry(
  name: string,
  spiffeID: string,
  parentID: string,
  selectors: readonly string[],
  more: object = {},
): KubernetesObject {
  return {
    apiVersion: "spire.spiffe.io/v1alpha1",
    kind: "ClusterStaticEntry",
    metadata: { name, ...owned("spire-registration") },
    spec: { spiffeID, parentID, selectors: [...selectors], ...more },
  };
}

/** An entry below the node alias, so that it reaches every node. */
export function clusterStaticEntry(args: ManagedSpire, entry: StaticEntry): KubernetesObject {
  const { name, path, selectors, dnsNames, ttl } = entry;
  const id = (path: string) => `spiffe://${args.trustDomain}${path}`;
  return staticEntry(name, id(path), id(nodeAliasPath(args)), selectors, {
    ...(dnsNames.length > 0 ? { dnsNames: [...dnsNames] } : {}),
    ...(ttl.x509Svid === undefined ? {} : { x509SVIDTTL: ttl.x509Svid }),
    ...(ttl.jwtSvid === undefined ? {} : { jwtSVIDTTL: ttl.jwtSvid }),
    ...shared(entry),
  });
}

/** What both kinds of entries call the same. */
const shared = ({ federatesWith, hint }: Identity) => ({
  ...(federatesWith.length > 0 ? { federatesWith: [...federatesWith] } : {}),
  ...(hint === undefined ? {} : { hint }),
});

/** What stands for a pod's names, as spire-controller-manager's templates have them (docs/clusterspiffeid-crd.md). */
export const placeholders = {
  namespace: "{{ .PodMeta.Namespace }}",
  serviceAccount: "{{ .PodSpec.ServiceAccountName }}",
  pod: "{{ .PodMeta.Name }}",
} as const;

/** An entry for each pod of its namespaces, which the controller-manager makes and takes away with the pod. */
export function clusterSpiffeId(workload: WorkloadIds): KubernetesObject {
  const { name, namespaces, path, dnsNames, ttl } = workload;
  const template = path.replace(/\{(\w+)\}/g, (_, key: keyof typeof placeholders) => placeholders[key]);
  return {
    apiVersion: "spire.spiffe.io/v1alpha1",
    kind: "ClusterSPIFFEID",
    metadata: { name, ...owned("spire-registration") },
    spec: {
      spiffeIDTemplate: `spiffe://{{ .TrustDomain }}${template}`,
      namespaceSelector: {
        // The API server gives each namespace this label, and lets nobody change it.
        matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: [...namespaces] }],
      },
      ...(dnsNames ? { autoPopulateDNSNames: true } : {}),
      ...(ttl.x509Svid === undefined ? {} : { ttl: ttl.x509Svid }),
      ...(ttl.jwtSvid === undefined ? {} : { jwtTtl: ttl.jwtSvid }),
      ...shared(workload),
    },
  };
}
