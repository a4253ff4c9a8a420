import { describeObject } from "../../../core/util/kubernetes";
import { groupBy } from "../../../core/util/groupBy";
import { authenticationMode, isCiliumPolicy } from "../../rules/ciliumPolicy";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { mayOverlap, partsOfRules, type RulePart } from "../../rules/ruleParts";

export const oneMode: Guardrail = {
  name: "one-mode",
  description: "Rules that meet on a pod, a peer and a port ask for one authentication mode.",
  severity: "mandatory",
  prevents:
    "A pod without its policies: where two rules for the same peer and port name different modes, Cilium cannot merge them and the pod keeps the policies that it had (cilium pkg/policy/rule.go, cannot merge conflicting authentication types).",
  remediation: "Write the same mode in both rules, or leave the authentication block out of one.",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkStack: ({ objects }) => {
    const parts = partsOfRules(objects, (rule) => authenticationMode(rule) !== undefined);
    return [...groupBy(parts, ({ key }) => key).values()].flatMap(conflicts);
  },
};

function conflicts(parts: readonly RulePart[]): Violation[] {
  const modes = groupBy(parts, ({ rule }) => authenticationMode(rule));
  // Nearly always one; and among several, one rule for each but one.
  const [most = [], ...others] = [...modes.values()].sort((a, b) => b.length - a.length);
  return others.flat().flatMap((part) => {
    const other = [most, ...others]
      .flat()
      .find((o) => authenticationMode(o.rule) !== authenticationMode(part.rule) && mayOverlap(o.subject, part.subject));
    if (!other) return [];
    const message = `is ${authenticationMode(part.rule)}, but ${describeObject(other.manifest)} ${other.rule.where} says ${authenticationMode(other.rule)} for the same peer and port; write one`;
    return [inObject(part.manifest, `${part.rule.where}.authentication.mode`, message)];
  });
}
