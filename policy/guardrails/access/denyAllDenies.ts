import { ciliumRules, ciliumSpecs, isCiliumPolicy } from "../../rules/ciliumPolicy";
import { peerFields } from "../../rules/ciliumPeers";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { listOf, recordOf } from "../../rules/values";

export const denyAllDenies: Guardrail = {
  name: "deny-all-denies",
  description: "No list in a Cilium policy is empty: an empty one does not mean nobody.",
  severity: "mandatory",
  prevents:
    "A namespace that is open and looks closed: ingress: [] denies nothing (cilium pkg/policy/api/rule_validation.go), and an empty list of peers or ports that is left out on its way to the cluster means everybody (CVE-2025-64715).",
  remediation: "Write ingress: [{}] to deny all, name the callers and ports of an allow rule, or remove the rule.",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkObject: (manifest) => [...emptySpecs(manifest), ...emptyRules(manifest)],
};

const directions = ["ingress", "egress"] as const;

function emptySpecs(manifest: KubernetesObject): Violation[] {
  const specs = ciliumSpecs(manifest);
  if (specs.length === 0) return [inObject(manifest, "spec", "is missing, so Cilium refuses the policy")];
  return specs.flatMap(({ where, spec }) => {
    const empty = directions.filter(
      (direction) => Array.isArray(spec[direction]) && listOf(spec[direction]).length === 0,
    );
    if (empty.length > 0)
      return empty.map((direction) =>
        inObject(manifest, `${where}.${direction}`, "is an empty list, which denies nothing; write [{}] to deny all"),
      );
    const rules = directions.flatMap((direction) => [...listOf(spec[direction]), ...listOf(spec[`${direction}Deny`])]);
    return rules.length > 0
      ? []
      : [inObject(manifest, where, "has no rule, so Cilium refuses it; write ingress: [{}]")];
  });
}

function emptyRules(manifest: KubernetesObject): Violation[] {
  return ciliumRules(manifest).flatMap((rule) => {
    const peers = peerFields(rule).filter(([field]) => isEmptyList(rule.rule[field]));
    const ports =
      isEmptyList(rule.rule["toPorts"]) || listOf(rule.rule["toPorts"]).some((p) => isEmptyList(recordOf(p)["ports"]));
    return [
      ...peers.map(([field]) =>
        inObject(
          manifest,
          `${rule.where}.${field}`,
          "is an empty list, which is everybody once it is left out; name them",
        ),
      ),
      ...(ports
        ? [inObject(manifest, `${rule.where}.toPorts`, "has an empty list, which is every port; name them")]
        : []),
    ];
  });
}

const isEmptyList = (value: unknown) => Array.isArray(value) && value.length === 0;
