import {
  agentConf,
  agents,
  allowPolicy,
  both,
  budget,
  clusterwide,
  entry,
  images,
  named,
  pod,
  policy,
  ports,
  server,
  serverConf,
  token,
  ttl,
  values,
  withAuthOff,
  withChanged,
  withCilium,
  withConfig,
  withEdges,
  withFlag,
  withObject,
  withProvider,
  without,
  workload,
} from "./changes";
import type { Facts } from "../../policy/facts";
import { rolloutMutations } from "./rolloutMutations";

/** The good facts, changed in one way. */
export interface Mutation {
  readonly what: string;
  readonly change: (facts: Facts) => Facts;
  /** Part of the message; the verdict is fail unless `verdict` says otherwise. */
  readonly says: RegExp;
  readonly verdict?: "warn";
}

const broad: Mutation[] = (
  [
    ["no source at all", {}],
    ["an empty list of sources", { fromEndpoints: [] }],
    ["an empty selector", { fromEndpoints: [{}] }],
    ["a selector that is null", { fromEndpoints: [null] }],
    ["a selector with empty labels", { fromEndpoints: [{ matchLabels: {} }] }],
    ["a selector with empty expressions", { fromEndpoints: [{ matchExpressions: [] }] }],
    ["a second selector that is empty", { fromEndpoints: [{ matchLabels: { app: "web" } }, { matchLabels: {} }] }],
    ["the entity all", { fromEntities: ["all"] }],
    ["the entity cluster beside others", { fromEntities: ["host", "cluster"] }],
  ] as const
).map(([what, rule]) => ({ what, change: withObject(policy(rule)), says: /selects everybody/ }));

/** What each guardrail claims to catch. */
export const mutations: Readonly<Record<string, readonly Mutation[]>> = {
  ...rolloutMutations,
  "no-required-while-disabled": [
    {
      what: "auth off beside the policies of auth on",
      change: withConfig("auth=false"),
      says: /allow-api.* demands authentication while auth is off/,
    },
    {
      what: "a rule in specs",
      change: both(
        withConfig("auth=false"),
        withObject(
          policy({}, { spec: undefined, specs: [{ ingress: [{ ...named, authentication: { mode: "required" } }] }] }),
        ),
      ),
      says: /specs\[0\]\.ingress\[0\]/,
    },
    {
      what: "an egress rule",
      change: both(
        withConfig("auth=false"),
        withObject(policy({}, { spec: { egress: [{ authentication: { mode: "required" } }] } })),
      ),
      says: /spec\.egress\[0\]/,
    },
    {
      what: "a cluster-wide policy",
      change: both(withConfig("auth=false"), withObject(clusterwide({}))),
      says: /CiliumClusterwideNetworkPolicy extra/,
    },
  ],
  "no-broad-auth-rule": [
    ...broad,
    {
      what: "an egress rule without a peer",
      change: withObject(policy({}, { spec: { egress: [{ authentication: { mode: "required" } }] } })),
      says: /toEndpoints/,
    },
  ],
  "protected-namespaces": [
    ...["kube-system", "spire", "flux-system", "longhorn-system", "cert-manager", "ingress-nginx", "monitoring"].map(
      (namespace) => ({
        what: `${namespace} in require`,
        change: withConfig(`rollout.phases.${namespace}=require`),
        says: new RegExp(`rollout.phases.${namespace} is require`),
      }),
    ),
    {
      what: "the namespace of Cilium, wherever it is",
      change: withConfig("cluster.cilium.namespace=network", "rollout.phases.network=require"),
      says: /network runs Cilium itself/,
    },
    {
      what: "a policy in kube-system",
      change: withObject(policy(named, { metadata: { name: "dns", namespace: "kube-system" } })),
      says: /kube-system/,
    },
    { what: "a cluster-wide policy for everything", change: withObject(clusterwide({})), says: /in every namespace/ },
    {
      what: "a cluster-wide policy for kube-system",
      change: withObject(clusterwide({ matchLabels: { "k8s:io.kubernetes.pod.namespace": "kube-system" } })),
      says: /kube-system/,
    },
    {
      what: "a protected namespace closed to callers that no intent names",
      change: withConfig("rollout.phases.kube-system=allow"),
      says: /is allow, which denies every caller that no intent names/,
      verdict: "warn",
    },
  ],
  "flag-atomic": [
    {
      what: "the first flag alone",
      change: values('"enabled":true', '"enabled":false'),
      says: /authentication\.enabled is false while auth is on/,
    },
    {
      what: "the second flag alone",
      change: values('"spire":{"enabled":true', '"spire":{"enabled":false'),
      says: /mutual\.spire\.enabled is false/,
    },
    { what: "a flag in quotes", change: values('"enabled":true', '"enabled":"true"'), says: /is "true"/ },
    {
      what: "agents that are not rolled",
      change: values('"rollOutCiliumPods":true', '"rollOutCiliumPods":false'),
      says: /rollOutCiliumPods is false/,
    },
    {
      what: "an operator that is not rolled",
      change: values('"rollOutPods":true', '"x":1'),
      says: /operator\.rollOutPods is missing/,
    },
    {
      what: "flags that stay on while auth is off",
      change: withConfig("auth=false"),
      says: /is true while auth is off/,
    },
  ],
  "tcp-only": [
    { what: "DNS by UDP", change: ports({ port: "53", protocol: "UDP" }), says: /for UDP on port 53/ },
    { what: "DNS by TCP", change: ports({ port: "53", protocol: "TCP" }), says: /for DNS/ },
    {
      what: "a UDP port beside a TCP port",
      change: ports({ port: "80", protocol: "TCP" }, { port: "90", protocol: "UDP" }),
      says: /UDP on port 90/,
    },
    { what: "a port for every protocol", change: ports({ port: "80" }), says: /every protocol on port 80/ },
    { what: "no port at all", change: withObject(policy(named)), says: /every port and protocol/ },
    { what: "ICMP", change: withObject(policy({ ...named, icmps: [{ fields: [{ type: 8 }] }] })), says: /ICMP/ },
  ],
  "known-kinds": [
    {
      what: "a CiliumAuthPolicy",
      change: withObject({
        apiVersion: "cilium.io/v2",
        kind: "CiliumAuthPolicy",
        metadata: { name: "x", namespace: "orders" },
      }),
      says: /CiliumAuthPolicy orders\/x kind is not one of Cilium's/,
    },
  ],
  "auth-consumed": [
    {
      what: "authentication that nobody demands yet",
      change: both(withConfig("rollout.phases.orders=allow"), without("CiliumNetworkPolicy")),
      says: /no namespace in require, so nothing is authenticated/,
      verdict: "warn",
    },
    {
      what: "a namespace in require where nobody is authenticated",
      change: without("CiliumNetworkPolicy"),
      says: /has orders in require, where no intent admits a workload/,
    },
  ],
  order: [
    {
      what: "Cilium before SPIRE",
      change: withEdges((edges) => edges.filter(({ from }) => from !== "cilium-auth")),
      says: /cilium-auth does not come after spire; write dependsOn: spire/,
    },
    {
      what: "policies before Cilium",
      change: withEdges((edges) => edges.filter(({ to }) => to !== "cilium-auth-values")),
      says: /access-orders does not come after cilium-auth/,
    },
    {
      what: "a policy that waits for part of SPIRE alone",
      change: withEdges((edges) => edges.filter(({ from, to }) => from !== "access-orders" || to !== "spire-agent")),
      says: /access-orders does not come after spire/,
    },
    {
      what: "the order of the way on while auth is off",
      change: withAuthOff,
      says: /cilium-auth does not come after access-orders[^]*cilium-auth waits for spire[^]*access-orders waits for spire/,
    },
    {
      what: "a policy that waits for Cilium on the way off",
      change: (facts) =>
        both(
          withFlag(false),
          withEdges((edges) => [...edges, { from: allowPolicy, to: "cilium-auth-values" }]),
        )(facts),
      says: /access-orders waits for cilium-auth on the way off/,
    },
  ],
  "in-place-transition": [
    {
      what: "a policy that is removed while auth goes off",
      change: both(withFlag(false), without("CiliumNetworkPolicy", allowPolicy.replace("access-orders-", ""))),
      says: /CiliumNetworkPolicy orders\/allow-api-8080-\w+ would be deleted while auth goes off; leave it as it was/,
    },
    {
      what: "something of SPIRE's that is removed while auth goes off, where it harms nobody",
      change: both(withFlag(false), without("Service", "spire-server")),
      says: /the stack would have other objects than before, beside its policies, while auth goes off/,
      verdict: "warn",
    },
    {
      what: "a StatefulSet that is replaced while auth goes on",
      change: both(
        withFlag(true),
        withChanged("StatefulSet", "spire-server", (json) => json.replace('"serviceName":"', '"serviceName":"x')),
      ),
      says: /the stack would have other objects than before, beside its policies, while auth goes on/,
    },
    {
      what: "a default deny that is removed while auth goes on",
      change: both(withFlag(true), without("CiliumNetworkPolicy", "zero-trust-deny-all")),
      says: /CiliumNetworkPolicy orders\/zero-trust-deny-all would be deleted/,
    },
  ],
  "pinned-cluster": [
    {
      what: "a default provider",
      change: withProvider({ name: "default_4_34_2", context: undefined, identity: undefined }),
      says: /Provider default_4_34_2 is a default provider/,
    },
    { what: "another context", change: withProvider({ context: "infra" }), says: /context is "infra"; write "apps"/ },
    { what: "no context", change: withProvider({ context: undefined }), says: /context is missing/ },
    { what: "no identity", change: withProvider({ identity: undefined }), says: /clusterIdentifier is missing/ },
  ],
  "cilium-version": [
    {
      what: "the version that drops mutual authentication",
      change: withCilium("1.21.0"),
      says: /is 1\.21\.0; write a version of 1\.18, 1\.19, 1\.20/,
    },
    { what: "a version that is too old", change: withCilium("1.17.9"), says: /is 1\.17\.9/ },
    {
      what: "a version that lacks a repair",
      change: withCilium("1.19.3"),
      says: /peer's certificate/,
      verdict: "warn",
    },
    {
      what: "the version that deprecates mutual authentication",
      change: withCilium("1.20.2"),
      says: /the last with mutual authentication/,
      verdict: "warn",
    },
  ],
  "no-clustermesh": [
    {
      what: "a mesh that the configuration knows of",
      change: withConfig("cluster.cilium.clusterMesh=true"),
      says: /clusterMesh is true; write false/,
    },
    {
      what: "a mesh in the values",
      change: values('"authentication"', '"clustermesh":{"useAPIServer":true},"authentication"'),
      says: /clustermesh\.useAPIServer is true/,
    },
    {
      what: "clusters in the values",
      change: values('"authentication"', '"clustermesh":{"config":{"enabled":true}},"authentication"'),
      says: /clustermesh\.config\.enabled is true/,
    },
  ],
  "pod-security": [
    ...(
      [
        ["a server that may be root", '"runAsNonRoot":true', '"runAsNonRoot":false', /runAsNonRoot is false/],
        ["a server with a capability", '"drop":["ALL"]', '"drop":["NET_RAW"]', /capabilities is/],
        [
          "a server that may gain rights",
          '"allowPrivilegeEscalation":false',
          '"x":1',
          /allowPrivilegeEscalation is missing/,
        ],
        ["a server without seccomp", '"RuntimeDefault"', '"Unconfined"', /seccompProfile\.type is "Unconfined"/],
        [
          "a server on the host's network",
          '"containers":',
          '"hostNetwork":true,"containers":',
          /hostNetwork is true; remove it/,
        ],
        [
          "a server with a directory of the host",
          '"emptyDir":{}',
          '"hostPath":{"path":"/var/run"}',
          /mount \/var\/run of the host/,
        ],
        [
          "two users in one pod",
          '"readOnlyRootFilesystem":true',
          '"readOnlyRootFilesystem":true,"runAsUser":0',
          /run all containers as one user/,
        ],
      ] as const
    ).map(([what, from, to, says]) => ({
      what,
      change: withChanged("StatefulSet", "spire-server", (json) => json.replace(from, to)),
      says,
    })),
    {
      what: "a privileged agent",
      change: agents('"allowPrivilegeEscalation":false', '"allowPrivilegeEscalation":false,"privileged":true'),
      says: /privileged is true/,
    },
    {
      what: "an agent with another directory",
      change: agents('"path":"/run/spire/sockets"', '"path":"/etc"'),
      says: /mount \/etc of the host/,
    },
    {
      what: "an agent with the host's IPC",
      change: agents('"hostPID":true', '"hostPID":true,"hostIPC":true'),
      says: /hostIPC is true/,
    },
    {
      what: "a privileged namespace without agents",
      change: agents('"namespace":"spire"', '"namespace":"spire-agents"'),
      says: /Namespace spire metadata\.labels\["pod-security\.kubernetes\.io\/enforce"\] is "privileged"; write "restricted"/,
    },
  ],
  "version-skew": [
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
  "delegate-wiring": [
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
      what: "another trust domain in Cilium",
      change: values('"trustDomain":"apps.zt.internal"', '"trustDomain":"spiffe.cilium"'),
      says: /spire\.trustDomain is "spiffe\.cilium"/,
    },
    { what: "no admin", change: serverConf("/cilium-operator", "/someone"), says: /admin_ids/ },
    { what: "no delegate", change: agentConf("/cilium-agent", "/someone"), says: /authorized_delegates/ },
    {
      what: "another workload socket",
      change: values("/sockets/agent/agent.sock", "/sockets/agent.sock"),
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
    { what: "no node alias", change: without("ClusterStaticEntry", "cilium-node-alias"), says: /no node alias/ },
  ],
  "node-attestation": [
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
      what: "insecure_bootstrap",
      change: agentConf('{\\n  \\"agent\\": {', '{\\n  \\"agent\\": {\\"insecure_bootstrap\\": true,'),
      says: /insecure_bootstrap/,
    },
  ],
  "agents-everywhere": [
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
  "least-privilege": [
    {
      what: "nodes/proxy",
      change: withChanged("ClusterRole", "spire-agent", (json) => json.replace("nodes/pods", "nodes/proxy")),
      says: /nodes\/proxy/,
    },
    {
      what: "a wildcard verb",
      change: withChanged("Role", "spire-server", (json) => json.replace('"create"', '"*"')),
      says: /wildcard/,
    },
    {
      what: "a wildcard resource",
      change: withChanged("ClusterRole", "spire-server", (json) => json.replace('"nodes"', '"*"')),
      says: /wildcard/,
    },
  ],
  "trust-domain": [
    ...["example.org", "cluster.local", "spiffe.cilium", "a.test"].map((name) => ({
      what: `the placeholder ${name}`,
      change: withConfig(`trustDomain=${name}`),
      says: /a placeholder/,
    })),
    {
      what: "the trust domain of another stack",
      change: withConfig("trustDomain=infra.zt.internal"),
      says: /stack infra/,
    },
    {
      what: "another trust domain than was deployed",
      change: withConfig("trustDomain=new.zt.internal"),
      says: /write apps\.zt\.internal/,
    },
  ],
  "sqlite-single-server": [
    {
      what: "two servers on sqlite",
      change: withChanged("StatefulSet", "spire-server", (json) => json.replace('"replicas":1', '"replicas":2')),
      says: /spec\.replicas is 2/,
    },
    { what: "a budget of one", change: withObject(budget({ minAvailable: 1 })), says: /blocks every eviction/ },
    { what: "a budget in percent", change: withObject(budget({ minAvailable: "50%" })), says: /blocks every eviction/ },
    {
      what: "a budget of none unavailable",
      change: withObject(budget({ maxUnavailable: 0 })),
      says: /blocks every eviction/,
    },
  ],
  "ttl-coherence": [
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
  "images-pinned": [
    {
      what: "the tag latest",
      change: images(/:1.*(?=")/, ":latest"),
      says: /DaemonSet spire\/spire-agent container spire-agent has .*:latest, a tag that moves; set spire\.images\.agent/,
    },
    { what: "the tag latest beside a digest", change: images("1.15.3", "latest"), says: /a tag that moves/ },
    { what: "no tag and no digest", change: images(/:1.*(?=")/, ""), says: /without a version or digest/ },
    { what: "what is no image", change: images("ghcr.io/spiffe", "GHCR.io//"), says: /no reference/ },
    { what: "no image at all", change: agents('"image"', '"was"'), says: /has the image none/ },
    {
      what: "a version without a digest",
      change: images(/@.*(?=")/, ""),
      says: /1\.15\.3 without a digest; run npm run pin -- ghcr\.io\/spiffe\/spire-agent:1\.15\.3, or set spire\.images\.agent/,
      verdict: "warn",
    },
    {
      what: "a version without a digest where digests are required",
      change: both(withConfig("spire.images.requireDigests=true"), images(/@.*(?=")/, "")),
      says: /without a digest/,
    },
    {
      what: "an init container",
      change: agents('"containers"', '"initContainers":[{"name":"wait","image":"wait-for-it:latest"}],"containers"'),
      says: /init container wait has wait-for-it:latest, a tag that moves; write wait-for-it:<version>/,
    },
    {
      what: "another program's image without a digest",
      change: withObject(workload("Pod", { containers: [{ name: "main", image: "busybox:1.36" }] })),
      says: /has busybox:1\.36 without a digest; write busybox:1\.36@sha256:<digest>/,
      verdict: "warn",
    },
    { what: "a Pod", change: withObject(workload("Pod", pod)), says: /Pod jobs\/extra container main has busybox/ },
    {
      what: "a CronJob",
      change: withObject(workload("CronJob", { jobTemplate: { spec: { template: { spec: pod } } } })),
      says: /CronJob jobs\/extra container main/,
    },
  ],
};
