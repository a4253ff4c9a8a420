/** Selects the pods of Cilium's agents (cilium, install/kubernetes/cilium/templates/cilium-agent/daemonset.yaml). */
export const agentSelector = "k8s-app=cilium";

/** The keys of the ConfigMap cilium-config that turn authentication on. Cilium authenticates by SPIRE with both, and an agent reads them when it starts. */
export const authenticationFlags = ["mesh-auth-enabled", "mesh-auth-mutual-enabled"] as const;
