import type { Previous } from "../../../core/rollout/state";
import type { Facts } from "../../../policy/facts/facts";
import {
  agentConf,
  agents,
  both,
  budget,
  entry,
  server,
  serverConf,
  token,
  ttl,
  values,
  withChanged,
  withConfig,
  withObject,
  without,
} from "../changes";
import type { Claims } from "./claim";

/** A cluster on so many of whose nodes Cilium runs. */
const withNodes =
  (nodes: number) =>
  (facts: Facts): Facts => ({ ...facts, previous: { ...(facts.previous as Previous), nodes } });

/** SPIRE, as it is configured. */
export const spire: Claims = {
  "trust-domain": {
    catches: [
      ...["example.org", "cluster.local", "spiffe.cilium", "a.test"].map((name) => ({
        what: `the placeholder ${name}`,
        change: withConfig(`trustDomain=${name}`),
        says: /a placeholder/,
        also: ["delegate-wiring"],
      })),
      {
        what: "the trust domain of another stack",
        change: withConfig("trustDomain=infra.zt.internal"),
        says: /stack infra/,
        also: ["delegate-wiring"],
      },
      {
        what: "another trust domain than was deployed",
        change: withConfig("trustDomain=new.zt.internal"),
        says: /write apps\.zt\.internal, and change it once authentication is off, as docs\/trust\.md says/,
        also: ["delegate-wiring"],
      },
    ],
    passes: [["the first deployment", (facts) => ({ ...facts, previous: {} })]],
  },
  "spire-choices": {
    catches: [
      ...[
        [
          "another name of the cluster",
          "cluster.name=new",
          /cluster\.name is new, .* deployed with apps: .*; write apps/,
        ],
        ["another namespace for the agents", "spire.agentNamespace=agents", /every agent would be replaced/],
        [
          "another datastore",
          "spire.datastore.postgres.address=db.example.com:5432",
          /knows no agent .* write sqlite3/,
        ],
        [
          "another attestor for the nodes",
          "spire.nodeAttestor.awsIid.selectors[0]=tag:cluster:apps",
          /spire\.nodeAttestor is awsIid, .* Cilium without identities .*; write k8sPsat/,
        ],
        ["another class for the volume", "spire.storage.className=other", /keeps its class; write local/],
        ["a smaller volume", "spire.storage.size=512Mi", /do not shrink, .* write 1Gi/],
      ].map(([what, value, says]) => ({
        what: what as string,
        change: withConfig(value as string),
        says: says as RegExp,
      })),
    ],
    passes: [
      ["a larger volume", withConfig("spire.storage.size=2Gi")],
      ["the first deployment", (facts) => ({ ...withConfig("cluster.name=new")(facts), previous: {} })],
    ],
  },
  "delegate-wiring": {
    catches: [
      {
        what: "another trust domain in the server",
        change: serverConf('trust_domain\\": \\"apps', 'trust_domain\\": \\"other'),
        says: /server\.trust_domain is "other/,
      },
      {
        what: "another trust domain in the agents",
        change: agentConf('trust_domain\\": \\"apps', 'trust_domain\\": \\"other'),
        says: /agent\.trust_domain/,
      },
      {
        what: "another trust domain in Cilium, where SPIRE is somebody else's",
        change: both(
          without("ConfigMap", "spire-agent"),
          values('"trustDomain":"apps.zt.internal"', '"trustDomain":"x"'),
        ),
        says: /spire\.trustDomain is "x"; write "apps\.zt\.internal"/,
      },
      {
        what: "another trust domain in Cilium",
        change: values('"trustDomain":"apps.zt.internal"', '"trustDomain":"spiffe.cilium"'),
        says: /spire\.trustDomain is "spiffe\.cilium"/,
      },
      { what: "no admin", change: serverConf("/cilium-operator", "/someone"), says: /admin_ids/ },
      { what: "no delegate", change: agentConf("/cilium-agent", "/someone"), says: /authorized_delegates/ },
      {
        what: "another workload socket",
        change: values("/sockets/agent/agent.sock", "/sockets/agent.sock"),
        also: ["socket-directories"],
        says: /agentSocketPath/,
      },
      {
        what: "another admin socket",
        change: values("/sockets/admin.sock", "/private/admin.sock"),
        says: /adminSocketPath/,
      },
      {
        what: "another cluster name in the agents",
        change: agentConf('cluster\\": \\"apps', 'cluster\\": \\"prod'),
        says: /k8s_psat\.cluster is "prod"/,
      },
      {
        what: "no entry for Cilium's operator",
        change: without("ClusterStaticEntry", "cilium-operator"),
        says: /cilium-operator is missing/,
      },
      {
        what: "an entry below one node's agent",
        change: entry("cilium-agent", (json) =>
          json.replace(/"parentID":"[^"]*"/, '"parentID":"spiffe://apps.zt.internal/spire/agent/k8s_psat/apps/1"'),
        ),
        says: /no node alias/,
      },
      {
        what: "an alias of nodes that attest in another way",
        change: entry("cilium-node-alias", (json) => json.replace("k8s_psat:cluster:apps", "x509pop:subject:cn:node1")),
        says: /has x509pop:subject:cn:node1, which no agent has that attests by k8s_psat/,
      },
      {
        what: "agents that attest in a way that the server does not know",
        change: agentConf(/k8s_psat/, "x509pop"),
        says: /NodeAttestor is x509pop; the server knows k8s_psat/,
      },
      { what: "no node alias", change: without("ClusterStaticEntry", "cilium-node-alias"), says: /no node alias/ },
    ],
  },
  "node-attestation": {
    catches: [
      {
        what: "a second service account",
        change: serverConf('\\"spire:spire-agent\\"', '\\"spire:spire-agent\\", \\"kube-system:cilium\\"'),
        says: /service_account_allow_list/,
      },
      {
        what: "a service account that is not the agents'",
        change: agents('"serviceAccountName":"spire-agent"', '"serviceAccountName":"other"'),
        says: /write \["spire:other"\]/,
      },
      { what: "no audience", change: serverConf(/\\"audience\\": \[[^\]]*\]/, '\\"audience\\": []'), says: /audience/ },
      {
        what: "a plugin that may be any program",
        change: agentConf(
          /(\\"NodeAttestor\\": \[)/,
          '$1{\\"tpm\\": {\\"plugin_cmd\\": \\"/plugin\\", \\"plugin_data\\": {}}},',
        ),
        says: /data\["agent\.conf"\] NodeAttestor\.tpm\.plugin_checksum is missing/,
        also: ["delegate-wiring"],
      },
      {
        what: "instances whose disk somebody else has had",
        change: serverConf(
          /(\\"NodeAttestor\\": \[)/,
          '$1{\\"aws_iid\\": {\\"plugin_data\\": {\\"skip_block_device\\": true}}},',
        ),
        says: /aws_iid\.skip_block_device is true; remove it/,
      },
      {
        what: "insecure_bootstrap",
        change: agentConf('{\\n  \\"agent\\": {', '{\\n  \\"agent\\": {\\"insecure_bootstrap\\": true,'),
        says: /insecure_bootstrap/,
      },
    ],
  },
  "agents-everywhere": {
    catches: [
      {
        what: "a toleration of one taint",
        change: agents('[{"operator":"Exists"}]', '[{"operator":"Exists","key":"a"}]'),
        says: /tolerations/,
      },
      { what: "no toleration", change: agents('[{"operator":"Exists"}]', "[]"), says: /tolerations/ },
      {
        what: "a node selector",
        change: agents('"hostPID":true', '"hostPID":true,"nodeSelector":{"a":"b"}'),
        says: /nodeSelector/,
      },
    ],
  },
  "version-skew": {
    catches: [
      {
        what: "the version of SPIRE that stops issuing identities",
        change: both(
          server(/spire-server:1\.15\.3/, "spire-server:1.15.2"),
          agents(/spire-agent:1\.15\.3/, "spire-agent:1.15.2"),
        ),
        says: /container spire-server is 1\.15\.2, which stops issuing/,
      },
      {
        what: "agents newer than the server",
        change: agents(/spire-agent:1\.15\.3/, "spire-agent:1.16.0"),
        says: /newer than the server's 1\.15\.3/,
      },
      {
        what: "a newer patch of the agents",
        change: agents(/spire-agent:1\.15\.3/, "spire-agent:1.15.4"),
        says: /newer than/,
      },
      {
        what: "agents two minor versions behind",
        change: agents(/spire-agent:1\.15\.3/, "spire-agent:1.13.1"),
        says: /more than one minor version behind/,
      },
      {
        what: "a step of two minor versions",
        change: withConfig("spire.version=1.13.0"),
        says: /is 1\.13\.0, but 1\.15\.3 is deployed; go one minor version at a time, first to 1\.14/,
      },
    ],
  },
  "sqlite-single-server": {
    catches: [
      {
        what: "two servers on sqlite",
        change: withChanged("StatefulSet", "spire-server", (json) => json.replace('"replicas":1', '"replicas":2')),
        says: /spec\.replicas is 2/,
      },
      { what: "a budget of one", change: withObject(budget({ minAvailable: 1 })), says: /blocks every eviction/ },
      {
        what: "a budget in percent",
        change: withObject(budget({ minAvailable: "50%" })),
        says: /blocks every eviction/,
      },
      {
        what: "a budget of none unavailable",
        change: withObject(budget({ maxUnavailable: 0 })),
        says: /blocks every eviction/,
      },
    ],
    passes: [
      ["a budget that lets the server go", withObject(budget({ maxUnavailable: 1 }))],
      ["a budget for other pods", withObject(budget({ minAvailable: 1, selector: { matchLabels: { app: "db" } } }))],
    ],
  },
  "spire-size": {
    catches: [
      {
        what: "more nodes than it is for",
        change: withNodes(51),
        says: /size is small, for up to 50 nodes, but Cilium runs on 51; write medium/,
        verdict: "warn",
      },
      {
        what: "more nodes than any size is for",
        change: withNodes(50_000),
        says: /docs\/scale\.md/,
        verdict: "warn",
      },
      {
        what: "fewer servers than it is for",
        change: withConfig("spire.size=large"),
        says: /replicas is 1, but spire\.size large is for 4 servers/,
        verdict: "warn",
      },
    ],
    passes: [
      ["as many nodes as it is for", withNodes(50)],
      ["nodes that nobody has counted", (facts) => ({ ...facts, previous: {} })],
      [
        "a SPIRE of somebody else's",
        both(
          withNodes(51),
          withConfig("spire.install=external", "spire.external.serverAddress=spire.example.com:8081"),
        ),
      ],
    ],
  },
  "ttl-coherence": {
    catches: [
      {
        what: "an SVID longer than a sixth of the CA's lifetime",
        change: ttl("default_x509_svid_ttl", "29h"),
        says: /29h, more than the 28h/,
      },
      { what: "an agent longer than that", change: ttl("agent_ttl", "48h"), says: /agent_ttl/ },
      { what: "a CA shorter than six times the SVIDs", change: ttl("ca_ttl", "12h"), says: /more than the 2h/ },
      {
        what: "an SVID beyond a day, however long the CA",
        change: both(ttl("ca_ttl", "9000h"), ttl("default_x509_svid_ttl", "25h")),
        says: /more than the 24h/,
      },
      { what: "a lifetime that is none", change: ttl("default_jwt_svid_ttl", "5 minutes"), says: /no duration/ },
      { what: "a token below ten minutes", change: token(599), says: /below the 600/ },
      { what: "a token below an hour", change: token(3599), says: /kubelet restarts/, verdict: "warn" },
    ],
    passes: [["a lifetime in two units", ttl("default_x509_svid_ttl", "1h30m")]],
  },
};
