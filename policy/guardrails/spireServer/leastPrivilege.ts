import type { KubernetesObject } from "../../../core/util/kubernetes";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { mayBeSpire } from "../../rules/spireConfiguration";
import { listOf, recordOf, textOf } from "../../rules/values";

export const leastPrivilege: Guardrail = {
  name: "least-privilege",
  description: "SPIRE may neither run commands in pods nor use wildcards.",
  severity: "mandatory",
  prevents:
    "An agent that owns every pod: nodes/proxy reaches the kubelet's exec, pods/exec the same, while asking which pods there are takes nodes/pods alone (CIS Kubernetes 5.1.14, KEP-2862, SPIRE pkg/agent/plugin/workloadattestor/k8s).",
  remediation: "Grant nodes/pods with the verb get, and name each group, resource and verb.",
  blocksOff: false,
  reads: (object) =>
    ["ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding"].includes(object.kind) && mayBeSpire(object),
  checkObject: (object) =>
    object.kind.endsWith("Binding") ? bound(object) : listOf(object["rules"]).flatMap(granted(object)),
};

/** Ways to the processes and the identities of other pods, by their resource, and what to write instead. */
const beyond: readonly (readonly [resource: string, instead: string])[] = [
  ["nodes/proxy", "write nodes/pods"],
  ["pods/exec", "remove it"],
  ["pods/attach", "remove it"],
  ["pods/ephemeralcontainers", "remove it"],
  ["serviceaccounts/token", "remove it: who mints the agents' tokens attests as a node"],
];
const escalating: readonly unknown[] = ["escalate", "bind", "impersonate"];

const granted =
  (role: KubernetesObject) =>
  (rule: unknown, i: number): Violation[] => {
    const { apiGroups, resources, verbs } = recordOf(rule);
    const has = listOf(resources);
    return [
      ...beyond
        .filter(([resource]) => has.includes(resource))
        .map(([resource, instead]) => inObject(role, `rules[${i}].resources`, `has ${resource}; ${instead}`)),
      ...listOf(verbs)
        .filter((verb) => escalating.includes(verb))
        .map((verb) => inObject(role, `rules[${i}].verbs`, `has ${textOf(verb)}, which gives any right; remove it`)),
      ...([...listOf(apiGroups), ...has, ...listOf(verbs)].includes("*")
        ? [inObject(role, `rules[${i}]`, "has a wildcard; name each group, resource and verb")]
        : []),
    ];
  };

/** The roles that every cluster has and that are more than SPIRE needs. */
function bound(binding: KubernetesObject): Violation[] {
  const { name } = recordOf(binding["roleRef"]);
  const builtIn = name === "cluster-admin" || name === "admin" || name === "edit";
  return builtIn ? [inObject(binding, "roleRef.name", `is ${name}; bind a role of its own`)] : [];
}
