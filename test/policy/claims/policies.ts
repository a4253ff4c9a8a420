import { both, clusterwide, extra, named, policy, ports, toPorts, withConfig, withObject, without } from "../changes";
import type { Claims, Mutation } from "./claim";

const broad: readonly Mutation[] = (
  [
    ["no source at all", {}],
    ["an empty list of sources", { fromEndpoints: [] }, "deny-all-denies"],
    ["an empty selector", { fromEndpoints: [{}] }],
    ["a selector that is null", { fromEndpoints: [null] }],
    ["a selector with empty labels", { fromEndpoints: [{ matchLabels: {} }] }],
    ["a selector with empty expressions", { fromEndpoints: [{ matchExpressions: [] }] }],
    ["a second selector that is empty", { fromEndpoints: [{ matchLabels: { app: "web" } }, { matchLabels: {} }] }],
    ["the entity all", { fromEntities: ["all"] }],
    ["the entity cluster beside others", { fromEntities: ["host", "cluster"] }, "identifiable-peers"],
    ["a label that only has to exist", { fromEndpoints: [{ matchExpressions: [{ key: "app", operator: "Exists" }] }] }],
    [
      "a label that only has to be another",
      { fromEndpoints: [{ matchExpressions: [{ key: "app", operator: "NotIn", values: ["db"] }] }] },
    ],
  ] as const
).map(([what, rule, ...also]) => ({
  what,
  change: withObject(policy(rule)),
  says: /selects (nearly )?everybody/,
  also,
}));

/** Cilium's policies. */
export const policies: Claims = {
  "protected-namespaces": {
    catches: [
      ...["kube-system", "spire", "flux-system", "longhorn-system", "cert-manager", "ingress-nginx", "monitoring"].map(
        (namespace) => ({
          what: `${namespace} in require`,
          change: withConfig(`rollout.phases.${namespace}=require`),
          says: new RegExp(`rollout.phases.${namespace} is require`),
          also: ["closed-namespaces", "evidence", "one-step"],
        }),
      ),
      {
        what: "the namespace of Cilium, wherever it is",
        change: withConfig("cluster.cilium.namespace=network", "rollout.phases.network=require"),
        also: ["cilium-accounts", "closed-namespaces", "evidence", "one-step"],
        says: /network runs Cilium itself/,
      },
      {
        what: "a policy in kube-system",
        change: withObject(policy(named, { metadata: { name: "dns", namespace: "kube-system" } })),
        also: ["demand-in-require"],
        says: /kube-system/,
      },
      { what: "a cluster-wide policy for everything", change: withObject(clusterwide({})), says: /in every namespace/ },
      {
        what: "a cluster-wide policy for kube-system",
        change: withObject(clusterwide({ matchLabels: { "k8s:io.kubernetes.pod.namespace": "kube-system" } })),
        also: ["demand-in-require"],
        says: /kube-system/,
      },
      {
        what: "a protected namespace closed to callers that no intent names",
        change: withConfig("rollout.phases.kube-system=allow"),
        also: ["closed-namespaces", "one-step"],
        says: /is allow, which denies every caller that no intent names/,
        verdict: "warn",
      },
    ],
    passes: [
      ["a protected namespace in observe", withConfig("rollout.phases.kube-system=observe")],
      [
        "a cluster-wide policy for one other namespace",
        withObject(clusterwide({ matchLabels: { "k8s:io.kubernetes.pod.namespace": "shop" } })),
      ],
    ],
  },
  "no-broad-auth-rule": {
    catches: [
      ...broad,
      {
        what: "an egress rule without a peer",
        change: withObject(policy({}, { spec: { egress: [{ toPorts, authentication: { mode: "required" } }] } })),
        says: /toEndpoints/,
      },
    ],
    passes: [
      ["a broad rule without authentication", withObject(policy({ authentication: undefined }))],
      [
        "a label among two values",
        withObject(
          policy({ fromEndpoints: [{ matchExpressions: [{ key: "app", operator: "In", values: ["web", "job"] }] }] }),
        ),
      ],
      [
        "a whole namespace, by its label",
        withObject(policy({ fromEndpoints: [{ matchLabels: { "k8s:io.kubernetes.pod.namespace": "web" } }] })),
      ],
      [
        "an object of another kind",
        withObject({
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: "x" },
          spec: { ingress: [{ authentication: { mode: "required" } }] },
        }),
      ],
    ],
  },
  "tcp-only": {
    catches: [
      { what: "DNS by UDP", change: ports({ port: "53", protocol: "UDP" }), says: /for UDP on port 53/ },
      { what: "DNS by TCP", change: ports({ port: "53", protocol: "TCP" }), says: /for DNS/ },
      {
        what: "a UDP port beside a TCP port",
        change: ports({ port: "80", protocol: "TCP" }, { port: "90", protocol: "UDP" }),
        says: /UDP on port 90/,
      },
      { what: "a port for every protocol", change: ports({ port: "80" }), says: /every protocol on port 80/ },
      {
        what: "no port at all",
        change: withObject(policy({ ...named, toPorts: undefined })),
        says: /every port and protocol/,
      },
      { what: "ICMP", change: withObject(policy({ ...named, icmps: [{ fields: [{ type: 8 }] }] })), says: /ICMP/ },
    ],
  },
  "known-kinds": {
    catches: [
      {
        what: "a CiliumAuthPolicy",
        change: withObject({
          apiVersion: "cilium.io/v2",
          kind: "CiliumAuthPolicy",
          metadata: { name: "x", namespace: "orders" },
        }),
        says: /CiliumAuthPolicy orders\/x kind is not one of Cilium's/,
      },
      {
        what: "a pattern of SPIFFE IDs",
        change: withObject(
          policy({ ...named, authentication: { mode: "required", spiffe: { allowPatterns: ["spiffe://*"] } } }),
        ),
        says: /spec\.ingress\[0\]\.authentication is \{.*\}; write \{ mode: required \}/,
      },
      {
        what: "a mode that there is not",
        change: withObject(policy({ ...named, authentication: { mode: "optional" } })),
        says: /authentication is \{"mode":"optional"\}/,
      },
      {
        what: "a list of modes",
        change: withObject(policy({ ...named, authentication: [{ mode: "required" }] })),
        says: /authentication is \[/,
      },
      {
        what: "a version of Linkerd's policies that is not served",
        change: withObject(extra("policy.linkerd.io/v1beta3", "MeshTLSAuthentication", { spec: {} })),
        says: /apiVersion is policy\.linkerd\.io\/v1beta3; write policy\.linkerd\.io\/v1alpha1/,
      },
    ],
  },
  "auth-consumed": {
    silentWhileOff: true,
    catches: [
      {
        what: "authentication that nobody demands yet",
        change: both(withConfig("rollout.phases.orders=allow"), without("CiliumNetworkPolicy")),
        also: ["closed-namespaces"],
        says: /no namespace in require, so nothing is authenticated/,
        verdict: "warn",
      },
      {
        what: "a namespace in require where nobody is authenticated",
        change: without("CiliumNetworkPolicy"),
        also: ["closed-namespaces"],
        says: /has orders in require, where no intent admits a workload/,
      },
    ],
  },
};
