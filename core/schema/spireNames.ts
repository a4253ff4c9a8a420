/** Names and addresses that SPIRE's parts, Cilium and the guardrails must agree on. */
export const spire = {
  namespace: "spire",
  server: "spire-server",
  headless: "spire-server-headless",
  bundleEndpoint: "spire-server-bundle",
  agent: "spire-agent",
  serverPort: 8081,
  /** The agents' bundle, published by the server: nobody else writes it. */
  bundle: { configMap: "spire-bundle", key: "bundle.spiffe" },
  /** Audience of the agents' tokens. */
  audience: "spire-server",
  /** SPIRE refuses an admin socket in or below the directory of the workload socket. */
  sockets: {
    directory: "/run/spire/sockets",
    admin: "/run/spire/sockets/admin.sock",
    workload: "/run/spire/sockets/agent/agent.sock",
    /** Of that alone. */
    workloadDirectory: "/run/spire/sockets/agent",
  },
} as const;

/** SPIFFE IDs that Cilium has built in (operator/auth/spire/client.go, pkg/auth/spire/delegate.go). */
export const ciliumIds = { agent: "/cilium-agent", operator: "/cilium-operator" } as const;

/** Beginnings of paths that mean somebody else: SPIRE's own, and those that Cilium has built in. */
export const reservedPaths: readonly string[] = ["/spire", "/identity", ciliumIds.agent, ciliumIds.operator];

/** The names of the servers' pods: those of a StatefulSet have a number each. */
export const serverPods = (replicas: number): string[] =>
  Array.from({ length: replicas }, (_, i) => `${spire.server}-${i}`);

/** Address of the SPIRE server for Cilium, which resolves `<service>.<namespace>.svc` through the Kubernetes API and so needs a ClusterIP. */
export const serverAddress = `${spire.server}.${spire.namespace}.svc:${spire.serverPort}`;

/** Path of the SPIFFE ID that all agents share as an alias: entries below it reach every node, not one. */
export const nodeAliasPath = ({ agentNamespace }: { readonly agentNamespace: string }) =>
  `/ns/${agentNamespace}/sa/${spire.agent}`;
