import { demandingRules, isCiliumPolicy } from "../../rules/ciliumPolicy";
import { inObject, type Guardrail } from "../../rules/guardrail";

export const noRequiredWhileDisabled: Guardrail = {
  name: "no-required-while-disabled",
  description: "While auth is off, no policy demands authentication.",
  severity: "mandatory",
  prevents:
    "A rollback that blocks traffic: Cilium does no handshake while authentication is off, and its datapath still drops what a rule with mode required has not seen authenticated (cilium#26208).",
  remediation:
    "Remove the authentication block from the rule and keep its allow part, or turn authentication on with: pulumi config set auth true",
  blocksOff: true,
  reads: isCiliumPolicy,
  checkObject: (manifest, { config }) =>
    config.auth
      ? []
      : demandingRules(manifest).map(({ where }) =>
          inObject(
            manifest,
            `${where}.authentication`,
            "demands authentication while auth is off, so every new caller would be dropped; remove the authentication block and keep the rule",
          ),
        ),
};
