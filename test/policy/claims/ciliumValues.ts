import type { Facts } from "../../../policy/facts/facts";
import { both, extra, named, policy, withConfig, withFlag, withObject, withValues, without } from "../changes";
import type { Claims } from "./claim";

const hostPolicy = (rule: object) =>
  withObject(
    policy(
      {},
      {
        kind: "CiliumClusterwideNetworkPolicy",
        metadata: { name: "nodes" },
        spec: { nodeSelector: {}, ingress: [{ fromEntities: ["remote-node"], ...rule }] },
      },
    ),
  );
const tcp = (port: string, endPort?: number) => ({ toPorts: [{ ports: [{ port, endPort, protocol: "TCP" }] }] });
const helmRelease = (spec: object, name = "cilium") =>
  withObject({
    ...extra("helm.toolkit.fluxcd.io/v2", "HelmRelease", { spec }),
    metadata: { name, namespace: "kube-system" },
  });
const chart = { interval: "1h", chart: { spec: { chart: "cilium" } } };
const ztunnel = withValues({ encryption: { enabled: true, type: "ztunnel" } });
const enrolled = (value: string) =>
  withObject({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "shop", labels: { "io.cilium/mtls-enabled": value } },
  });
const withoutPolicies = without("CiliumNetworkPolicy");
const requests = extra("cilium.io/v2", "CiliumNetworkPolicy", {
  spec: {
    endpointSelector: {},
    ingress: [
      { ...named, toPorts: [{ ports: [{ port: "15008", protocol: "TCP" }], rules: { http: [{ method: "GET" }] } }] },
    ],
  },
});
const operations = withConfig("access[0].operations[0].methods[0]=GET");

/** With operations on each port, in Linkerd, and with more callers. */
const inLinkerd =
  (callers: Facts["config"]["access"][number]["callers"]) =>
  (facts: Facts): Facts => {
    const access = facts.config.access.map((intent) => ({
      ...intent,
      callers: [...intent.callers.filter((caller) => "namespace" in caller), ...callers],
      operations: [{ methods: ["GET" as const] }],
    }));
    return { ...facts, config: { ...facts.config, access, mesh: { linkerd: { namespaces: "patch" } } } };
  };

/** Cilium's other values, and who else writes them. */
export const ciliumValues: Claims = {
  encrypted: {
    silentWhileOff: true,
    catches: [
      {
        what: "native routing without encryption",
        change: withValues({ encryption: {}, routingMode: "native" }),
        says: /encryption\.enabled is not true where packets are routed natively; write true/,
      },
      {
        what: "the native routing of a cloud",
        change: withValues({ encryption: { enabled: false }, eni: { enabled: true } }),
        says: /routed natively/,
      },
      {
        what: "a tunnel that is not encrypted",
        change: withValues({ encryption: undefined }),
        says: /can be read on its way/,
        verdict: "warn",
      },
      {
        what: "encryption of the nodes' own traffic",
        change: withValues({ encryption: { enabled: true, nodeEncryption: true } }),
        says: /nodeEncryption is true, which has cut off the port of the handshake/,
      },
    ],
    passes: [
      ["native routing with encryption", withValues({ routingMode: "native" })],
      ["a tunnel in a cloud", withValues({ routingMode: "tunnel", gke: { enabled: true } })],
    ],
  },
  "ztunnel-alone": {
    catches: [
      {
        what: "ztunnel beside authentication and policies by port",
        change: ztunnel,
        says: /encryption\.type turns ztunnel on, beside which Cilium authenticates nobody[^]*demand for authentication does nothing: CiliumNetworkPolicy orders\/zero-trust[^]*rule by port matches nothing, and its default deny denies everybody: CiliumNetworkPolicy orders\/zero-trust/,
      },
      {
        what: "ztunnel past the chart",
        change: withValues({ extraConfig: { "enable-ztunnel": "true" } }),
        says: /extraConfig\.enable-ztunnel turns ztunnel on/,
      },
      {
        what: "ztunnel beside rules about requests",
        change: both(withoutPolicies, both(withObject(requests), ztunnel)),
        says: /nothing reads requests: CiliumNetworkPolicy orders\/extra/,
        also: ["auth-consumed"],
      },
      {
        what: "ztunnel in a ClusterMesh",
        change: both(withConfig("cluster.cilium.clusterMesh=true"), ztunnel),
        says: /in a ClusterMesh, where Cilium's agents do not start with it/,
        also: ["no-clustermesh"],
      },
      {
        what: "a namespace in ztunnel without one",
        change: both(enrolled("true"), withValues({})),
        says: /Namespace shop is enrolled in ztunnel, which Cilium's values do not turn on/,
        verdict: "warn",
      },
    ],
    passes: [
      ["a namespace that is taken out of ztunnel", both(enrolled("false"), withValues({}))],
      ["a namespace in ztunnel", both(both(both(withFlag(false), withoutPolicies), enrolled("true")), ztunnel)],
      ["ztunnel's type without encryption by it", withValues({ encryption: { enabled: false, type: "ztunnel" } })],
      ["ztunnel where nothing is left", both(both(withFlag(false), withoutPolicies), ztunnel)],
    ],
  },
  "enforcement-mode": {
    catches: [
      { what: "audit mode", change: withValues({ policyAuditMode: true }), says: /policyAuditMode is true/ },
      {
        what: "audit mode past the chart",
        change: withValues({ extraConfig: { "policy-audit-mode": "true" } }),
        says: /policyAuditMode is true, so nothing is enforced/,
      },
      { what: "no enforcement", change: withValues({ policyEnforcementMode: "never" }), says: /is never/ },
      { what: "enforcement everywhere", change: withValues({ policyEnforcementMode: "always" }), says: /is always/ },
    ],
    passes: [
      ["the defaults, written out", withValues({ policyAuditMode: false, policyEnforcementMode: "default" })],
      [
        "a value that extraConfig replaces",
        withValues({ policyAuditMode: true, extraConfig: { "policy-audit-mode": "false" } }),
      ],
    ],
  },
  "http-enforced": {
    catches: [
      { what: "no proxy", change: both(operations, withValues({ l7Proxy: false })), says: /l7Proxy is false/ },
      {
        what: "paths as they come",
        change: both(operations, withValues({ extraConfig: { "http-normalize-path": "false" } })),
        says: /http-normalize-path is false/,
      },
    ],
    passes: [["no proxy where no intent is about HTTP", withValues({ l7Proxy: false })]],
  },
  "probes-admitted": {
    catches: [
      {
        what: "a host that policies may deny",
        change: withValues({ extraConfig: { "allow-localhost": "policy" } }),
        says: /allow-localhost is policy, so a default deny denies the kubelet's probes/,
      },
      {
        what: "operations in Linkerd, on a port that no network may call",
        change: inLinkerd([]),
        says: /zero-trust:access of orders, api has operations on the port 8080, where Linkerd then denies the kubelet's probes/,
        verdict: "warn",
      },
    ],
    passes: [
      ["a host that is always let in", withValues({ extraConfig: { "allow-localhost": "always" } })],
      ["operations in Linkerd, and the nodes' network", inLinkerd([{ cidr: "192.0.2.0/24", reason: "probes" }])],
      [
        "the same where no namespace is closed",
        both(withConfig("rollout.phases.orders=observe"), withValues({ extraConfig: { "allow-localhost": "policy" } })),
      ],
    ],
  },
  "handshake-possible": {
    silentWhileOff: true,
    catches: [
      { what: "no IPv4", change: withValues({ ipv4: { enabled: false } }), says: /ipv4\.enabled is false/ },
      {
        what: "an underlay of IPv6",
        change: withValues({ underlayProtocol: "ipv6" }),
        says: /underlayProtocol is ipv6/,
      },
      {
        what: "identities in a key-value store",
        change: withValues({ identityAllocationMode: "kvstore" }),
        says: /identityAllocationMode is kvstore/,
      },
    ],
    passes: [["IPv6 beside IPv4", withValues({ ipv6: { enabled: true } })]],
  },
  "handshake-port": {
    silentWhileOff: true,
    catches: [
      {
        what: "a host firewall without the handshake's port",
        change: withValues({ hostFirewall: { enabled: true } }),
        says: /hostFirewall\.enabled is true, and no policy of this stack admits TCP 4250/,
        verdict: "warn",
      },
      {
        what: "a policy that closes nodes but for another port",
        change: hostPolicy(tcp("10250")),
        says: /CiliumClusterwideNetworkPolicy nodes spec\.ingress closes nodes/,
        verdict: "warn",
      },
    ],
    passes: [
      ["a policy with the port", both(withValues({ hostFirewall: { enabled: true } }), hostPolicy(tcp("4250")))],
      ["a range of ports around it", hostPolicy(tcp("4000", 5000))],
      ["nodes that reach each other on every port", hostPolicy({})],
    ],
  },
  "verdicts-visible": {
    silentWhileOff: true,
    catches: [
      {
        what: "no Hubble",
        change: withValues({ hubble: { enabled: false } }),
        says: /hubble\.enabled/,
        verdict: "warn",
      },
      {
        what: "no verdicts",
        change: withValues({ bpf: { events: { policyVerdict: { enabled: false } } } }),
        says: /policyVerdict\.enabled is false, so nobody sees/,
        verdict: "warn",
      },
    ],
  },
  "values-not-shadowed": {
    catches: [
      {
        what: "values in the HelmRelease itself",
        change: helmRelease({ ...chart, values: { authentication: { enabled: true } } }),
        says: /HelmRelease kube-system\/cilium spec\.values\.authentication wins over the ConfigMap/,
      },
      {
        what: "an entry with a path of ours",
        change: helmRelease({ ...chart, valuesFrom: [{ targetPath: "authentication.enabled" }] }, "network"),
        says: /spec\.valuesFrom\[0\] writes authentication\.enabled/,
      },
      {
        what: "a patch of Git's HelmRelease",
        change: helmRelease({ values: { hubble: {} } }),
        says: /is a patch of a HelmRelease that Git owns/,
      },
    ],
    passes: [
      ["a HelmRelease of the stack's own", helmRelease({ ...chart, values: { hubble: {} }, valuesFrom: [{}] })],
      ["another chart's", helmRelease({ interval: "1h", values: { authentication: {} } }, "keycloak")],
    ],
  },
  "one-owner": {
    catches: (
      [
        ["labels", "kustomize.toolkit.fluxcd.io/name", "Flux"],
        ["labels", "helm.toolkit.fluxcd.io/name", "Flux"],
        ["labels", "argocd.argoproj.io/instance", "Argo CD"],
        ["annotations", "argocd.argoproj.io/tracking-id", "Argo CD"],
        ["annotations", "meta.helm.sh/release-name", "Helm"],
      ] as const
    ).map(([field, key, tool]) => ({
      what: `an object with ${key}`,
      change: withObject({ apiVersion: "v1", kind: "Secret", metadata: { name: "x", [field]: { [key]: "y" } } }),
      says: new RegExp(`Secret x metadata\\.${field}.* says that ${tool} owns it`),
    })),
    passes: [
      [
        "what Pulumi renders from a chart",
        withObject({
          apiVersion: "v1",
          kind: "Secret",
          metadata: { name: "x", labels: { "app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "y" } },
        }),
      ],
    ],
  },
};
