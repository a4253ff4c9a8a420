import { owned, type KubernetesObject } from "../kubernetes";
import { ciliumIds, nodeAliasPath, spire, type ManagedSpire } from "./settings";

/** The three entries that Cilium needs, by name: a node alias, and below it Cilium's agent and operator. */
export function ciliumEntries(args: ManagedSpire): KubernetesObject[] {
  const { trustDomain, clusterName, ciliumNamespace } = args;
  const alias = nodeAliasPath(args);
  const id = (path: string) => `spiffe://${trustDomain}${path}`;
  const workload = (name: string, path: string, serviceAccount: string) =>
    staticEntry(name, id(path), id(alias), [`k8s:ns:${ciliumNamespace}`, `k8s:sa:${serviceAccount}`]);
  return [
    // An alias, since SPIRE hands an agent only the entries below its own ID or its aliases: below one node's agent, they would reach that node alone.
    staticEntry("cilium-node-alias", id(alias), id("/spire/server"), [
      `k8s_psat:cluster:${clusterName}`,
      `k8s_psat:agent_ns:${args.agentNamespace}`,
      `k8s_psat:agent_sa:${spire.agent}`,
    ]),
    workload("cilium-agent", ciliumIds.agent, "cilium"),
    workload("cilium-operator", ciliumIds.operator, "cilium-operator"),
  ];
}

function staticEntry(name: string, spiffeID: string, parentID: string, selectors: string[]): KubernetesObject {
  return {
    apiVersion: "spire.spiffe.io/v1alpha1",
    kind: "ClusterStaticEntry",
    metadata: { name, ...owned("spire-registration") },
    spec: { spiffeID, parentID, selectors },
  };
}

const string = { type: "string" };
const boolean = { type: "boolean" };
const strings = { type: "array", items: string };
const object = (properties: Record<string, object>, required: string[]) => ({ type: "object", properties, required });

/** spire-controller-manager's ClusterStaticEntry, v1alpha1: the fields and types of its own CRD. */
export function staticEntryCrd(): KubernetesObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: "clusterstaticentries.spire.spiffe.io",
      // Pulumi waits for no CRD by itself, and an entry cannot be created before.
      ...owned("spire-registration", { annotations: { "pulumi.com/waitFor": "condition=Established" } }),
    },
    spec: {
      group: "spire.spiffe.io",
      names: {
        kind: "ClusterStaticEntry",
        listKind: "ClusterStaticEntryList",
        plural: "clusterstaticentries",
        singular: "clusterstaticentry",
      },
      scope: "Cluster",
      versions: [
        {
          name: "v1alpha1",
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: {
                apiVersion: string,
                kind: string,
                metadata: { type: "object" },
                spec: object(
                  {
                    spiffeID: string,
                    parentID: string,
                    selectors: strings,
                    federatesWith: strings,
                    x509SVIDTTL: string,
                    jwtSVIDTTL: string,
                    dnsNames: strings,
                    hint: string,
                    admin: boolean,
                    downstream: boolean,
                    storeSVID: boolean,
                    className: string,
                  },
                  ["parentID", "selectors", "spiffeID"],
                ),
                status: object({ rendered: boolean, masked: boolean, set: boolean }, ["masked", "rendered", "set"]),
              },
            },
          },
        },
      ],
    },
  };
}
