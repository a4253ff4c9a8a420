import { owned, type KubernetesObject } from "../../../core/util/kubernetes";

/** spire-controller-manager's CRDs, v1alpha1: the fields and types of its own (config/crd/bases), of which a test asks an API server. */

const string = { type: "string" };
const boolean = { type: "boolean" };
const integer = { type: "integer" };
const strings = { type: "array", items: string };
const object = (properties: Record<string, object>, required?: string[]) => ({
  type: "object",
  properties,
  ...(required ? { required } : {}),
});
const labelSelector = {
  ...object({
    matchLabels: { type: "object", additionalProperties: string },
    matchExpressions: {
      type: "array",
      items: object({ key: string, operator: string, values: strings }, ["key", "operator"]),
    },
  }),
  "x-kubernetes-map-type": "atomic",
};

function definition(kind: string, plural: string, spec: object, status?: object): KubernetesObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.spire.spiffe.io`,
      // Pulumi waits for no CRD by itself, and an entry cannot be created before.
      ...owned("spire-registration", { annotations: { "pulumi.com/waitFor": "condition=Established" } }),
    },
    spec: {
      group: "spire.spiffe.io",
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
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
                spec,
                status: status ?? { type: "object" },
              },
            },
          },
        },
      ],
    },
  };
}

/** An entry as it is written. */
export const staticEntryCrd = (): KubernetesObject =>
  definition(
    "ClusterStaticEntry",
    "clusterstaticentries",
    object(
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
    object({ rendered: boolean, masked: boolean, set: boolean }, ["masked", "rendered", "set"]),
  );

/** An entry for each of some pods. */
export const spiffeIdCrd = (): KubernetesObject =>
  definition(
    "ClusterSPIFFEID",
    "clusterspiffeids",
    object(
      {
        spiffeIDTemplate: string,
        podSelector: labelSelector,
        namespaceSelector: labelSelector,
        dnsNameTemplates: strings,
        workloadSelectorTemplates: strings,
        ttl: string,
        jwtTtl: string,
        federatesWith: strings,
        admin: boolean,
        downstream: boolean,
        autoPopulateDNSNames: boolean,
        fallback: boolean,
        hint: string,
        className: string,
      },
      ["spiffeIDTemplate"],
    ),
    object({
      stats: object({
        namespacesSelected: integer,
        namespacesIgnored: integer,
        podsSelected: integer,
        podEntryRenderFailures: integer,
        entriesMasked: integer,
        entriesToSet: integer,
        entryFailures: integer,
      }),
    }),
  );

/** Another trust domain. */
export const federatedTrustDomainCrd = (): KubernetesObject =>
  definition(
    "ClusterFederatedTrustDomain",
    "clusterfederatedtrustdomains",
    object(
      {
        trustDomain: { type: "string", pattern: "[a-z0-9._-]{1,255}" },
        bundleEndpointURL: string,
        bundleEndpointProfile: object(
          { type: { type: "string", enum: ["https_spiffe", "https_web"] }, endpointSPIFFEID: string },
          ["type"],
        ),
        trustDomainBundle: string,
        className: string,
      },
      ["bundleEndpointProfile", "bundleEndpointURL", "trustDomain"],
    ),
  );
