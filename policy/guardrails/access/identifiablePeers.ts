import { peerFields } from "../../rules/ciliumPeers";
import { demandingRules, isCiliumPolicy, type CiliumRule } from "../../rules/ciliumPolicy";
import { inObject, type Guardrail } from "../../rules/guardrail";
import { listOf, recordOf, textOf } from "../../rules/values";

export const identifiablePeers: Guardrail = {
  name: "identifiable-peers",
  description: "A rule that demands authentication is about pods on both sides.",
  severity: "mandatory",
  prevents:
    "Peers that are dropped for good: the agent skips every reserved identity, and networks, names and nodes have no registration entry, so none of them can ever authenticate (cilium pkg/auth/manager.go).",
  remediation: "Put peers that are no pods into a rule of their own, without an authentication block.",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkObject: (manifest) =>
    demandingRules(manifest).flatMap((rule) =>
      problems(rule).map((problem) => inObject(manifest, rule.where, `demands authentication ${problem}`)),
    ),
};

/** Peers that are no pods, by their field. Services are left out: those with a selector stand for pods (cilium pkg/policy/k8s/service.go). */
const noPods = /^(from|to)(CIDR|CIDRSet|FQDNs|Groups|Nodes)$/;

function problems(rule: CiliumRule): string[] {
  const advice = "which can never authenticate; put it into a rule without";
  const fields = peerFields(rule).filter(([, peers]) => peers.length > 0);
  return [
    ...(rule.spec["nodeSelector"] === undefined ? [] : [`for nodes, ${advice}`]),
    ...fields.filter(([field]) => noPods.test(field)).map(([field]) => `of ${field}, ${advice}`),
    ...fields
      .filter(([field]) => field.endsWith("Entities"))
      // Whoever says all or cluster means everybody, which no-broad-auth-rule refuses.
      .flatMap(([, entities]) => entities.filter((entity) => entity !== "all" && entity !== "cluster"))
      .map((entity) => `of the entity ${textOf(entity)}, ${advice}`),
    ...fields
      .filter(([field]) => field.endsWith("Endpoints"))
      .flatMap(([field, selectors]) =>
        selectors.flatMap(reservedLabels).map((label) => `of ${field} ${label}, ${advice}`),
      ),
  ];
}

function reservedLabels(selector: unknown): string[] {
  const { matchLabels, matchExpressions } = recordOf(selector);
  const keys = [
    ...Object.keys(recordOf(matchLabels)),
    ...listOf(matchExpressions)
      .map(recordOf)
      .flatMap(({ key, operator }) => (operator === "DoesNotExist" ? [] : [textOf(key)])),
  ];
  return keys.filter((key) => /^reserved[.:]/.test(key));
}
