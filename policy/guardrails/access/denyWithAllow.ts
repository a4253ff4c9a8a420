import { isCiliumPolicy } from "../../rules/ciliumPolicy";
import { admits, closedNamespacesOf, closes } from "../../rules/closedNamespace";
import type { Guardrail } from "../../rules/guardrail";

export const denyWithAllow: Guardrail = {
  name: "deny-with-allow",
  description: "Somebody may call the pods of a closed namespace.",
  severity: "advisory",
  prevents:
    "A namespace that was cut off by its phase alone: the default deny is there and no rule that admits anybody, as where an intent was forgotten (cilium Documentation/security/policy/intro.rst).",
  remediation: "Write the callers as intents of zero-trust:access, or take the namespace back to observe.",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkStack: (facts) =>
    closedNamespacesOf(facts)
      .filter(({ specs }) => specs.some(closes) && !specs.some(admits))
      .map(({ namespace }) => ({
        where: `zero-trust:rollout.phases.${namespace}`,
        namespace,
        message: `closes ${namespace}, where no rule admits anybody; name its callers in zero-trust:access`,
      })),
};
