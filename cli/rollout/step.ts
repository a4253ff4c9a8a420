import type { Phase, StackConfig } from "../../core/schema/schema";
import { previousFor } from "../../plan/origins";
import { plan } from "../../plan/plan";
import { factsOfPlan } from "../../policy/facts/facts";
import { judge, messageOf } from "../../policy/rules/guardrail";
import { guardrails } from "../../policy/guardrails";
import { stackFacts } from "../../policy/facts/stackFacts";
import { inForce, today } from "../../policy/rules/waivers";

/** What the guardrails would stop at after a step, and did not before it. */
export function refusals(stack: string, before: StackConfig, after: StackConfig): string[] {
  const known = new Set(violations(stack, before, before));
  return violations(stack, before, after).filter((violation) => !known.has(violation));
}

/** Violations in the update from one configuration, fully in force, to another. */
function violations(stack: string, from: StackConfig, to: StackConfig): string[] {
  const empty = Object.fromEntries(to.rollout.greenfield.map((namespace) => [namespace, 0]));
  const previous = { ...previousFor("on", from), pods: empty };
  const facts = factsOfPlan(
    // Evidence is what a step waits for, and no reason not to take it.
    { ...stackFacts(".", stack, to), evidence: () => [] },
    { ...to, auth: true },
    plan({ ...to, auth: true }, previous),
    previous,
  );
  return judge(inForce(guardrails, to, today()), facts).flatMap(({ guardrail, violations }) =>
    violations.filter(({ severity }) => severity === "mandatory").map((violation) => messageOf(guardrail, violation)),
  );
}

/** What is still to be done for the evidence of a namespace. */
function evidenceOf(stack: string, namespace: string, config: StackConfig): string[] {
  const faults = stackFacts(".", stack, config).evidence?.(namespace) ?? [];
  const about = `It is reviewed with this change, and counts for ${config.rollout.evidenceMaxAge}.`;
  return faults.length === 0
    ? [`Its evidence is enough. ${about}`]
    : [...faults.map((fault) => `It needs evidence: ${fault}.`), about];
}

/** What a step waits for, and what to look at before it is merged. */
export function waitsFor(
  stack: string,
  namespace: string,
  phase: Phase,
  greenfield: boolean,
  config: StackConfig,
): string[] {
  const verify = `npm run verify -- --stack ${stack} --namespace ${namespace}`;
  const gates =
    "The update that gets there first waits until Cilium authenticates on every node, every agent has a certificate and answers the others, and every identity has its entry in SPIRE.";
  if (greenfield) return ["The update looks whether pods run there by then.", gates];
  switch (phase) {
    case "observe":
      return [`It denies nobody. Afterwards: ${verify} says who calls.`];
    case "allow":
      return [
        `It denies every caller that no intent names. Before: ${verify} says who that would be, and with --suggest which intents are missing.`,
      ];
    case "require":
      return [...evidenceOf(stack, namespace, config), gates];
    case "off":
      return [];
  }
}
