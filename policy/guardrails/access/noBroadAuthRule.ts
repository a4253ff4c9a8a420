import { broadness } from "../../rules/ciliumPeers";
import { demandingRules, isCiliumPolicy } from "../../rules/ciliumPolicy";
import { inObject, type Guardrail } from "../../rules/guardrail";

export const noBroadAuthRule: Guardrail = {
  name: "no-broad-auth-rule",
  description: "A rule that demands authentication names its callers.",
  severity: "mandatory",
  prevents:
    "An allow-list that grew: a rule with mode required is still an allow rule, so one that selects everybody admits every authenticated pod beside those that narrower rules name (devantler-tech/platform#2724).",
  remediation: "Name the callers by namespace and service account, as the intents of zero-trust:access do.",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkObject: (manifest) =>
    demandingRules(manifest).flatMap((rule) => {
      const why = broadness(rule);
      return why === undefined
        ? []
        : [inObject(manifest, rule.where, `demands authentication but ${why}; name its callers by labels`)];
    }),
};
