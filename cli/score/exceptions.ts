import type { Exception } from "./findings";

const server = { object: "StatefulSet spire/spire-server", containers: ["spire-server", "spire-controller-manager"] };
const agent = { object: "DaemonSet spire/spire-agent", containers: ["spire-agent"] };

const lowIds = {
  check: "container-security-context-user-group-id",
  summaries: ["The container is running with a low user ID", "The container running with a low group ID"],
};
const pullPolicy = {
  check: "container-image-pull-policy",
  summaries: ["ImagePullPolicy is not set to Always"],
  reason:
    "With Always no container could restart while the registry is away, not even from an image that the node has.",
};
const cpuLimit = {
  check: "container-resources",
  summaries: ["CPU limit is not set"],
  reason: "A limit throttles handshakes even on an idle node; on a busy one the request already keeps each its share.",
};
const networkPolicy = {
  check: "pod-networkpolicy",
  summaries: ["The pod does not have a matching NetworkPolicy"],
};

/**
 * The CRITICAL findings of kube-score that stay, each with its reason. `npm run score` fails on every other one, and on an exception that is no
 * longer needed.
 */
export const exceptions: readonly Exception[] = [
  {
    ...server,
    ...lowIds,
    reason: "1000 is the user and the group of SPIRE's server image, and the owner of what its volume holds.",
  },
  {
    ...agent,
    ...lowIds,
    reason:
      "The kubelet makes the sockets' directory on the host for root, and the agent has no capability that would let another user write there.",
  },
  { ...server, ...pullPolicy },
  { ...agent, ...pullPolicy },
  { ...server, ...cpuLimit },
  { ...agent, ...cpuLimit },
  { object: agent.object, ...networkPolicy, reason: "Cilium applies no NetworkPolicy to a pod in the host's network." },
];
