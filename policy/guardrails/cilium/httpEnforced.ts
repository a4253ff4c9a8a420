import { extraOf, inValues, valueOf } from "../../rules/ciliumValues";
import type { Guardrail } from "../../rules/guardrail";

export const httpEnforced: Guardrail = {
  name: "http-enforced",
  description:
    "Where intents name HTTP operations, Cilium's proxy reads requests, and reads their paths as servers do.",
  severity: "mandatory",
  prevents:
    "A path that is let through by another spelling: without normalisation /public/../admin begins with /public (cilium pkg/envoy, http-normalize-path), and without its proxy Cilium refuses every policy that has rules for HTTP (cilium pkg/policy/api/rule_validation.go).",
  remediation: "Leave out l7Proxy, or write true, and remove http-normalize-path from extraConfig.",
  blocksOff: false,
  checkStack: ({ config: { access }, releases }) => {
    if (!access.some(({ operations }) => operations !== undefined)) return [];
    return releases.flatMap((release) => [
      ...(valueOf(release, "l7Proxy") === false || extraOf(release, "enable-l7-proxy") === "false"
        ? [{ where: inValues(release, "l7Proxy"), message: "is false, but intents name HTTP operations; write true" }]
        : []),
      ...(extraOf(release, "http-normalize-path") === "false"
        ? [
            {
              where: inValues(release, "extraConfig.http-normalize-path"),
              message: "is false, so /public/../admin passes for /public; remove it",
            },
          ]
        : []),
    ]);
  },
};
