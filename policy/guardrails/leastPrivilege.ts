import { inObject, type Guardrail } from "../guardrail";
import { mayBeSpire } from "../spireConfiguration";
import { listOf, recordOf } from "../values";

export const leastPrivilege: Guardrail = {
  name: "least-privilege",
  description: "SPIRE may neither run commands in pods nor use wildcards.",
  severity: "mandatory",
  prevents:
    "An agent that owns every pod: nodes/proxy reaches the kubelet's exec, while asking which pods there are takes nodes/pods alone (CIS Kubernetes 5.1.14, KEP-2862, SPIRE pkg/agent/plugin/workloadattestor/k8s).",
  remediation: "Grant nodes/pods with the verb get, and name each resource and verb.",
  blocksOff: false,
  reads: (object) => ["ClusterRole", "Role"].includes(object.kind) && mayBeSpire(object),
  checkObject: (role) =>
    listOf(role["rules"])
      .map(recordOf)
      .flatMap(({ resources, verbs }, i) => [
        ...(listOf(resources).includes("nodes/proxy")
          ? [inObject(role, `rules[${i}].resources`, "has nodes/proxy; write nodes/pods")]
          : []),
        ...([...listOf(resources), ...listOf(verbs)].includes("*")
          ? [inObject(role, `rules[${i}]`, "has a wildcard; name each resource and verb")]
          : []),
      ]),
};
