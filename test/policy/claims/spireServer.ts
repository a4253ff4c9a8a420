import { both, bundled, entry, values, withChanged, withCilium, withObject, without } from "../changes";
import type { Claims } from "./claim";

const service = (from: string, to: string) => withChanged("Service", "spire-server", (json) => json.replace(from, to));
export const spireServer: Claims = {
  "one-spire": {
    catches: [
      {
        what: "the SPIRE of Cilium's chart beside one of its own",
        change: values('"install":{"enabled":false}', '"install":{"enabled":true}'),
        says: /install\.enabled is true, beside another SPIRE; write false/,
        also: ["bundled-spire", "kubelet-verified", "storage-class"],
      },
      {
        what: "a chart that is not told",
        change: values('"install":{"enabled":false},', ""),
        says: /install\.enabled is true by default, beside another SPIRE/,
        also: ["bundled-spire", "kubelet-verified", "storage-class"],
      },
      {
        what: "the SPIRE of Cilium's chart that nobody asked for by name",
        change: bundled({ enabled: undefined }),
        says: /install\.enabled is true by default; write true/,
      },
      {
        what: "agents of two SPIREs",
        change: (facts) => ({
          ...facts,
          objects: facts.objects.flatMap((object) =>
            object.kind === "DaemonSet"
              ? [object, { ...object, metadata: { ...object.metadata, name: "second" } }]
              : [object],
          ),
        }),
        says: /DaemonSet spire\/second volumes share \/run\/spire\/sockets with another SPIRE agent's/,
        also: ["node-attestation"],
      },
    ],
    passes: [["the SPIRE of Cilium's chart alone", bundled({})]],
  },
  "bundled-spire": {
    catches: [
      {
        what: "no storage",
        change: bundled({ server: { dataStorage: { enabled: false } } }),
        says: /server\.dataStorage\.enabled is false, so each restart makes a new CA/,
      },
      {
        what: "another user in one container",
        change: bundled({ server: { securityContext: { runAsUser: 0 } } }),
        says: /securityContext\.runAsUser is 0, for one container alone/,
      },
      {
        what: "no group for the volume",
        change: bundled({ server: { podSecurityContext: { fsGroup: undefined } } }),
        says: /podSecurityContext\.fsGroup is missing/,
      },
      {
        what: "no user where SPIRE is no root",
        change: both(
          bundled({ server: { podSecurityContext: { runAsUser: undefined, fsGroup: 1 } } }),
          withCilium("1.20.2"),
        ),
        says: /podSecurityContext\.runAsUser is missing/,
        also: ["cilium-version"],
      },
      {
        what: "agents that stay away from tainted nodes",
        change: bundled({ agent: { tolerations: [{ key: "a", operator: "Exists" }] } }),
        says: /agent\.tolerations leave out nodes/,
      },
    ],
    passes: [
      [
        "no user where SPIRE is root",
        bundled({ server: { podSecurityContext: { runAsUser: undefined, fsGroup: undefined } } }),
      ],
      ["one user said twice", bundled({ server: { securityContext: { runAsUser: 1000 } } })],
    ],
  },
  "server-address": {
    catches: [
      {
        what: "a headless Service",
        change: values("spire-server.spire.svc:", "spire-server-headless.spire.svc:"),
        says: /is spire-server-headless\.spire\.svc:8081, a headless Service/,
      },
      {
        what: "a Service that there is not",
        change: values("spire-server.spire.svc:", "server.spire.svc:"),
        says: /but spire has no Service server/,
      },
      { what: "another port", change: service('"port":8081', '"port":443'), says: /has no port 8081/ },
      {
        what: "a socket",
        change: values("spire-server.spire.svc:8081", "unix:///run/spire.sock"),
        says: /is unix:.*, which is no <host>:<port>/,
      },
      { what: "no port", change: values("svc:8081", "svc"), says: /which is no <host>:<port>/ },
    ],
    passes: [
      ["a server somewhere else", values("spire-server.spire.svc:8081", "spire.corp.example:8081")],
      ["a namespace of somebody else's", values("spire-server.spire.svc", "spire-server.identity.svc")],
      ["the name in full", values("spire-server.spire.svc:8081", "spire-server.spire.svc.cluster.local:8081")],
    ],
  },
  "cilium-accounts": {
    catches: [
      {
        what: "an entry for another namespace",
        change: entry("cilium-agent", (json) => json.replace("k8s:ns:kube-system", "k8s:ns:cilium")),
        says: /ClusterStaticEntry cilium-agent spec\.selectors lack k8s:ns:kube-system, under which Cilium runs/,
      },
      {
        what: "accounts that Cilium's values rename",
        change: values('"rollOutCiliumPods"', '"serviceAccounts":{"operator":{"name":"op"}},"rollOutCiliumPods"'),
        says: /ClusterStaticEntry cilium-operator spec\.selectors lack k8s:sa:op/,
      },
    ],
    passes: [
      [
        "a selector more",
        entry("cilium-agent", (json) => json.replace('"selectors":[', '"selectors":["k8s:pod-label:a:b",')),
      ],
    ],
  },
  federation: {
    catches: [
      {
        what: "an entry for a trust domain that nobody knows",
        change: entry("cilium-agent", (json) =>
          json.replace('"selectors"', '"federatesWith":["infra.zt.internal"],"selectors"'),
        ),
        says: /spec\.federatesWith has infra\.zt\.internal, of which there is no bundle/,
      },
      {
        what: "the same where the server is somebody else's",
        change: both(
          without("ConfigMap", "spire-server"),
          entry("cilium-agent", (json) => json.replace('"selectors"', '"federatesWith":["x"],"selectors"')),
        ),
        says: /has x/,
        verdict: "warn",
      },
      {
        what: "its own trust domain",
        change: relationship({ trustDomain: "apps.zt.internal" }),
        says: /this cluster's own/,
      },
      {
        what: "a peer by plain HTTP",
        change: relationship({ bundleEndpointURL: "http://a" }),
        says: /is http:\/\/a; write https/,
      },
      {
        what: "a peer that nobody can know",
        change: relationship({ bundleEndpointProfile: { type: "https_spiffe" } }),
        says: /lacks endpointSPIFFEID/,
      },
      {
        what: "a peer without a first bundle",
        change: relationship({ trustDomainBundle: undefined }),
        says: /trustDomainBundle is missing/,
        verdict: "warn",
      },
    ],
    passes: [
      [
        "a peer that is known",
        both(
          relationship({}),
          entry("cilium-agent", (json) =>
            json.replace('"selectors"', '"federatesWith":["infra.zt.internal"],"selectors"'),
          ),
        ),
      ],
      ["a peer with a certificate of the web's", relationship({ bundleEndpointProfile: { type: "https_web" } })],
    ],
  },
};

function relationship(spec: object) {
  return withObject({
    apiVersion: "spire.spiffe.io/v1alpha1",
    kind: "ClusterFederatedTrustDomain",
    metadata: { name: "infra" },
    spec: {
      trustDomain: "infra.zt.internal",
      bundleEndpointURL: "https://spire.infra:8443",
      bundleEndpointProfile: { type: "https_spiffe", endpointSPIFFEID: "spiffe://infra.zt.internal/spire/server" },
      trustDomainBundle: "{}",
      ...spec,
    },
  });
}
