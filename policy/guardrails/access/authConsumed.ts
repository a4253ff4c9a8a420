import type { Facts } from "../../facts/facts";
import { demandingRules, isCiliumPolicy } from "../../rules/ciliumPolicy";
import type { Guardrail } from "../../rules/guardrail";

export const authConsumed: Guardrail = {
  name: "auth-consumed",
  description: "Where authentication is on, some policy demands it.",
  severity: "mandatory",
  prevents:
    "Believing it is on: SPIRE and Cilium run, their logs fill with identities that nobody asked for, and no call is authenticated (devantler-tech/platform#1772).",
  remediation: "Take a namespace with intents to require, or set auth to false until there is one.",
  blocksOff: false,
  checkStack: (facts) => {
    const where = "zero-trust:rollout.phases";
    if (!facts.config.auth || facts.objects.some(demands)) return [];
    const required = inRequire(facts);
    if (required.length === 0)
      return [{ where, message: "has no namespace in require, so nothing is authenticated", severity: "advisory" }];
    // The first update with authentication on demands nothing yet: Cilium has to roll first.
    if (facts.previous === "unknown" || facts.previous.cilium !== "on") return [];
    const message = `has ${required.join(", ")} in require, where no intent admits a workload, so nothing is authenticated; name its callers in zero-trust:access`;
    return [{ where, message }];
  },
  undecided: (facts) =>
    facts.previous === "unknown" && inRequire(facts).length > 0 && !facts.objects.some(demands)
      ? "whether a policy should demand it by now: there is no deployed state to compare with"
      : undefined,
};

const inRequire = ({ config: { rollout } }: Facts) =>
  Object.keys(rollout.phases).filter((namespace) => rollout.phases[namespace] === "require");

const demands = (object: Facts["objects"][number]) => isCiliumPolicy(object) && demandingRules(object).length > 0;
