import {
  agentConf,
  agents,
  both,
  bundled,
  csi,
  entry,
  extra,
  onAws,
  serverConf,
  ttl,
  values,
  withObject,
} from "../changes";
import type { Claims } from "./claim";

const spiffeId = (spec: object) => withObject(extra("spire.spiffe.io/v1alpha1", "ClusterSPIFFEID", { spec }));
const ofAgent = (spec: string) => entry("cilium-agent", (json) => json.replace('"selectors"', `${spec},"selectors"`));
const inServer = (option: string) =>
  serverConf('\\"trust_domain\\"', `${option.replaceAll('"', '\\"')}, \\"trust_domain\\"`);

/** SPIRE's agents and entries. */
export const spireAgents: Claims = {
  "socket-directories": {
    catches: [
      {
        what: "both sockets in one directory",
        change: agentConf("/sockets/agent/agent.sock", "/sockets/agent.sock"),
        says: /agent\.admin_socket_path is \/run\/spire\/sockets\/admin\.sock, in or below \/run\/spire\/sockets/,
        also: ["delegate-wiring"],
      },
      {
        what: "an admin socket below the workload socket",
        change: agentConf("/sockets/admin.sock", "/sockets/agent/admin/admin.sock"),
        says: /in or below \/run\/spire\/sockets\/agent/,
        also: ["delegate-wiring"],
      },
      {
        what: "the same in Cilium's values",
        change: values("/sockets/agent/agent.sock", "/sockets/agent.sock"),
        says: /Values of kube-system\/cilium .*adminSocketPath is/,
        also: ["delegate-wiring"],
      },
      {
        what: "sockets that stay in the pod",
        change: agents('"hostPath":{"path":"/run/spire/sockets","type":"DirectoryOrCreate"}', '"emptyDir":{}'),
        says: /DaemonSet spire\/spire-agent volumes keep \/run\/spire\/sockets\/agent\/agent\.sock in the pod/,
      },
      {
        what: "pods that are given the admin socket",
        change: csi('"path":"/run/spire/sockets/agent"', '"path":"/run/spire/sockets"'),
        says: /DaemonSet spire\/spiffe-csi-driver volumes give pods \/run\/spire\/sockets, and with it \/run\/spire\/sockets\/admin\.sock/,
      },
      {
        what: "pods that are given another SPIRE's sockets",
        change: csi('"path":"/run/spire/sockets/agent"', '"path":"/run/spire/agent-sockets"'),
        says: /give pods none of the agents' sockets; mount \/run\/spire\/sockets\/agent/,
      },
    ],
    passes: [
      ["pods that are given the workload socket", csi()],
      [
        "directories beside each other",
        both(
          agentConf("/sockets/admin.sock", "/sockets/private/admin.sock"),
          values("/sockets/admin.sock", "/sockets/private/admin.sock"),
        ),
      ],
    ],
  },
  "no-admin-entries": {
    catches: [
      {
        what: "an administrator",
        change: spiffeId({ admin: true }),
        says: /ClusterSPIFFEID orders\/extra spec\.admin is true/,
      },
      {
        what: "a server below",
        change: ofAgent('"downstream":true'),
        says: /ClusterStaticEntry cilium-agent spec\.downstream/,
      },
    ],
    passes: [
      ["what is said to be none", spiffeId({ admin: false, downstream: false })],
      [
        "Cilium's operator",
        entry("cilium-operator", (json) => json.replace('"selectors"', '"admin":true,"selectors"')),
      ],
    ],
  },
  "spire-options": {
    catches: [
      {
        what: "an option that is gone",
        change: inServer('"default_svid_ttl": "1h"'),
        says: /data\["server\.conf"\] server\.default_svid_ttl is gone/,
      },
      {
        what: "an attestor that is gone",
        change: serverConf('\\"NodeAttestor\\": [', '\\"NodeAttestor\\": [{\\"k8s_sat\\": {}},'),
        says: /NodeAttestor\.k8s_sat is gone; write k8s_psat/,
      },
      {
        what: "a notifier",
        change: serverConf('\\"KeyManager\\"', '\\"Notifier\\": [{\\"k8sbundle\\": {}}], \\"KeyManager\\"'),
        says: /Notifier\.k8sbundle is deprecated; write BundlePublisher k8s_configmap/,
        verdict: "warn",
      },
      {
        what: "the event-based cache",
        change: inServer('"experimental": {"events_based_cache": true}'),
        says: /experimental\.events_based_cache is true/,
        verdict: "warn",
      },
    ],
    passes: [["another experiment", inServer('"experimental": {"cache_reload_interval": "5s"}')]],
  },
  "kubelet-verified": {
    catches: [
      {
        what: "a kubelet that is believed",
        change: agentConf('skip_kubelet_verification\\": false', 'skip_kubelet_verification\\": true'),
        says: /k8s\.skip_kubelet_verification is true; write false/,
        verdict: "warn",
      },
      {
        what: "the default of Cilium's chart",
        change: bundled({ agent: { skipKubeletVerification: undefined } }),
        says: /agent\.skipKubeletVerification is not false, and the chart's default is true/,
        verdict: "warn",
      },
    ],
    passes: [["a chart that is told to verify", bundled({})]],
  },
  "agents-find-server": {
    catches: [
      {
        what: "agents that ask the node's DNS",
        change: agents('"dnsPolicy":"ClusterFirstWithHostNet"', '"x":1'),
        says: /dnsPolicy is nothing, so on the host's network nobody knows spire-server\.spire\.svc/,
      },
      {
        what: "a bundle in another format",
        change: agentConf('\\"trust_bundle_format\\"', '\\"x\\"'),
        says: /agent\.trust_bundle_format is pem, but the server publishes spiffe; write spiffe/,
      },
    ],
    passes: [
      [
        "a server by its address",
        both(
          agents('"dnsPolicy":"ClusterFirstWithHostNet"', '"x":1'),
          agentConf("spire-server.spire.svc", "192.0.2.1"),
        ),
      ],
    ],
  },
  "agents-recover": {
    catches: [
      {
        what: "agents that never start again",
        change: agentConf('\\"rebootstrap_mode\\"', '\\"x\\"'),
        says: /agent\.rebootstrap_mode is never; write always/,
        verdict: "warn",
      },
    ],
    passes: [["agents that attest once, which cannot", onAws()]],
  },
  "agents-attest-once": {
    catches: [
      {
        what: "a key that is gone with the pod",
        change: onAws(agentConf(/\\"disk\\": \{/, '\\"memory\\": {')),
        says: /DaemonSet spire\/spire-agent agent\.conf KeyManager is memory, lost with the pod; write disk/,
      },
      {
        what: "an identity that is gone with the pod",
        change: onAws(agents(/"hostPath":\{"path":"\/var\/lib[^}]*\}/, '"emptyDir":{}')),
        says: /agent\.data_dir is \/run\/spire\/data, which is not on the node's disk/,
      },
      {
        what: "an identity that is gone when the node starts again",
        change: onAws(agents('"path":"/var/lib/spire/agent"', '"path":"/run/spire/agent"')),
        says: /KeyManager\.disk\.directory is \/run\/spire\/data, which is not on the node's disk/,
      },
      {
        what: "agents that are told to start again, and do not start",
        change: onAws(agentConf('rebootstrap_mode\\": \\"never', 'rebootstrap_mode\\": \\"always')),
        says: /agent\.rebootstrap_mode is always, with which it does not start; write never/,
      },
      {
        what: "nodes that may be away for hours alone",
        change: onAws(ttl("agent_ttl", "4h")),
        says: /server\.agent_ttl is 4h: a node that is away for longer has to be evicted by hand/,
        verdict: "warn",
      },
    ],
    passes: [
      ["agents that keep what they are", onAws()],
      ["agents that attest again and again", ttl("agent_ttl", "4h")],
    ],
  },
  "entry-lifetimes": {
    catches: [
      {
        what: "an entry for longer than a day",
        change: both(ttl("ca_ttl", "9000h"), ofAgent('"x509SVIDTTL":"48h"')),
        says: /ClusterStaticEntry cilium-agent spec\.x509SVIDTTL is 48h; write at most 24h/,
      },
      { what: "tokens for longer than a day", change: spiffeId({ jwtTtl: "100h" }), says: /spec\.jwtTtl is 100h/ },
      {
        what: "what is no lifetime",
        change: spiffeId({ ttl: "a day" }),
        says: /spec\.ttl is "a day", which is no duration/,
      },
      {
        what: "an entry for longer than the CA vouches for",
        change: both(ttl("ca_ttl", "36h"), ofAgent('"jwtSVIDTTL":"12h"')),
        says: /jwtSVIDTTL is 12h, more than the 6h that a CA of 36h guarantees/,
      },
    ],
    passes: [["an hour", spiffeId({ ttl: "1h", jwtTtl: "5m" })]],
  },
  "bundle-refresh": {
    catches: [
      {
        what: "a peer that asks too seldom",
        change: inServer('"federation": {"bundle_endpoint": {"refresh_hint": "24h"}}'),
        says: /server\.federation\.bundle_endpoint\.refresh_hint is 1440m; write at most 840m/,
      },
      {
        what: "a published hint that is too long",
        change: serverConf('\\"format\\"', '\\"refresh_hint\\": \\"15h\\", \\"format\\"'),
        says: /BundlePublisher\.k8s_configmap\.apps\.refresh_hint is 900m/,
      },
      {
        what: "what is no interval",
        change: inServer('"federation": {"bundle_endpoint": {"refresh_hint": 300}}'),
        says: /refresh_hint is 300, which is no duration/,
      },
    ],
    passes: [["five minutes", inServer('"federation": {"bundle_endpoint": {"refresh_hint": "5m"}}')]],
  },
};
