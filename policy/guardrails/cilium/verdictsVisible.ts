import { inValues, valueOf } from "../../rules/ciliumValues";
import type { Guardrail } from "../../rules/guardrail";

export const verdictsVisible: Guardrail = {
  name: "verdicts-visible",
  description: "Hubble shows which connections were authenticated, and which were dropped.",
  severity: "advisory",
  prevents:
    "Believing it is on: that a connection was authenticated is said by Hubble's policy verdicts alone, and so is that one was dropped with Authentication required (cilium api/v1/flow/flow.proto, devantler-tech/platform#1772).",
  remediation: "Write hubble.enabled true and bpf.events.policyVerdict.enabled true, or leave both out.",
  blocksOff: false,
  checkStack: ({ config: { auth }, releases }) =>
    !auth
      ? []
      : releases.flatMap((release) =>
          ["hubble.enabled", "bpf.events.policyVerdict.enabled"]
            .filter((key) => valueOf(release, key) === false)
            .map((key) => ({
              where: inValues(release, key),
              message: "is false, so nobody sees whether a connection was authenticated; write true",
            })),
        ),
};
