import { isCiliumPolicy } from "../../rules/ciliumPolicy";
import { closedNamespacesOf, closes } from "../../rules/closedNamespace";
import type { Guardrail } from "../../rules/guardrail";

export const closedNamespaces: Guardrail = {
  name: "closed-namespaces",
  description: "A namespace in allow or require has a policy that denies whom no other admits.",
  severity: "mandatory",
  prevents:
    "Pods that anybody may call: without a default deny for the whole namespace, a pod that no allow rule selects is open, and with enableDefaultDeny false no rule closes it (cilium Documentation/security/policy/intro.rst).",
  remediation:
    "Keep the last specification of the namespace's policy zero-trust: endpointSelector {}, ingress: [{}], without enableDefaultDeny.",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkStack: (facts) =>
    closedNamespacesOf(facts)
      .filter(({ specs }) => !specs.some(closes))
      .map(({ namespace }) => ({
        where: `zero-trust:rollout.phases.${namespace}`,
        namespace,
        message: `closes ${namespace}, where no policy denies by default; keep its policy zero-trust as it is made`,
      })),
};
