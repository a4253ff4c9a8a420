import { extraOf, inValues } from "../ciliumValues";
import type { Guardrail } from "../guardrail";

export const probesAdmitted: Guardrail = {
  name: "probes-admitted",
  description: "The kubelet's probes reach the pods of a closed namespace.",
  severity: "mandatory",
  prevents:
    "Pods that are restarted for ever: Cilium always lets a node's own host in, probes among it, unless allow-localhost says that policies decide (cilium Documentation/security/policy/layer3.rst).",
  remediation: "Remove allow-localhost from extraConfig, or write auto.",
  blocksOff: false,
  checkStack: ({ config: { rollout }, releases }) =>
    !Object.values(rollout.phases).some((phase) => phase === "allow" || phase === "require")
      ? []
      : releases
          .filter((release) => extraOf(release, "allow-localhost") === "policy")
          .map((release) => ({
            where: inValues(release, "extraConfig.allow-localhost"),
            message: "is policy, so a default deny denies the kubelet's probes; remove it",
          })),
};
