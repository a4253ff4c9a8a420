import { isClosed } from "../../../core/schema/schema";
import { authenticationMode, ciliumRules, isCiliumPolicy, namespaceOf } from "../../rules/ciliumPolicy";
import { inObject, type Guardrail } from "../../rules/guardrail";

export const noAlwaysFail: Guardrail = {
  name: "no-always-fail",
  description: "No rule in a closed namespace has the mode that always fails.",
  severity: "mandatory",
  prevents:
    "A test that stays: every connection that a rule with test-always-fail is about is dropped, with authentication on or off (cilium pkg/auth, mode test-always-fail).",
  remediation: "Write required, or remove the authentication block.",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkObject: (manifest, { config: { rollout } }) =>
    ciliumRules(manifest)
      .filter((rule) => authenticationMode(rule) === "test-always-fail")
      .map(({ where, spec }) => {
        const namespace = namespaceOf(manifest, spec);
        const closed = namespace === undefined || isClosed(rollout.phases[namespace]);
        const message = "is test-always-fail, which drops everybody; write required, or remove the block";
        return inObject(manifest, `${where}.authentication.mode`, message, closed ? undefined : "advisory");
      }),
};
