import { extraOf, inValues, valueOf } from "../../rules/ciliumValues";
import type { Release } from "../../facts/facts";
import type { Guardrail, Violation } from "../../rules/guardrail";
import { textOf } from "../../rules/values";

export const enforcementMode: Guardrail = {
  name: "enforcement-mode",
  description: "Cilium enforces the policies that it is given, and closes nothing where there are none.",
  severity: "mandatory",
  prevents:
    "Policies that only look as if they held: in audit mode Cilium drops nothing and does no handshake (cilium#28824), in mode never it enforces nothing, and in mode always every namespace without policies is cut off, whatever its phase (cilium Documentation/security/policy/intro.rst).",
  remediation:
    "Leave out policyAuditMode and policyEnforcementMode, or write false and default; try a policy out in a namespace in observe.",
  blocksOff: false,
  checkStack: ({ releases }) =>
    releases.flatMap((release) => [
      ...(flag(release, "policyAuditMode", "policy-audit-mode") === "true"
        ? [{ where: inValues(release, "policyAuditMode"), message: "is true, so nothing is enforced; write false" }]
        : []),
      ...mode(release),
    ]),
};

function mode(release: Release): Violation[] {
  const where = inValues(release, "policyEnforcementMode");
  const value = flag(release, "policyEnforcementMode", "enable-policy");
  if (value === "never") return [{ where, message: "is never, so no policy is enforced; write default" }];
  if (value !== "always") return [];
  return [{ where, message: "is always, which closes namespaces that no phase closes; write default" }];
}

/** As the agent reads it in the end. */
const flag = (release: Release, key: string, extra: string): string =>
  extraOf(release, extra) ?? textOf(valueOf(release, key));
