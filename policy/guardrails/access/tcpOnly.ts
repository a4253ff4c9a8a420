import { demandingRules, isCiliumPolicy, portsOf, type CiliumRule } from "../../rules/ciliumPolicy";
import { inObject, type Guardrail } from "../../rules/guardrail";
import { listOf, textOf } from "../../rules/values";

export const tcpOnly: Guardrail = {
  name: "tcp-only",
  description: "A rule that demands authentication is about TCP ports alone, and not about DNS.",
  severity: "mandatory",
  prevents:
    "Lost packets: the first ones are dropped until the handshake is done, TCP sends them again and UDP does not, which took a cluster's DNS down within two hours (devantler-tech/platform#1788, cilium#23808).",
  remediation: "Name the TCP ports in toPorts, and put UDP, ICMP and port 53 into a rule without authentication.",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkObject: (manifest) =>
    demandingRules(manifest).flatMap((rule) =>
      problems(rule).map((problem) => inObject(manifest, rule.where, problem)),
    ),
};

function problems({ rule }: CiliumRule): string[] {
  const ports = portsOf(rule);
  return [
    ...(listOf(rule["icmps"]).length > 0 ? ["demands authentication for ICMP; put it into a rule without"] : []),
    ...(ports.length === 0 ? ["demands authentication on every port and protocol; name its TCP ports in toPorts"] : []),
    ...ports
      .filter(({ protocol }) => protocol !== "TCP")
      .map(
        ({ port, protocol = "every protocol" }) =>
          `demands authentication for ${textOf(protocol)} on port ${textOf(port)}; write TCP`,
      ),
    ...(ports.some(({ port }) => textOf(port) === "53")
      ? ["demands authentication for DNS; put port 53 into a rule without"]
      : []),
  ];
}
