import { extraOf, inValues, valueOf } from "../../rules/ciliumValues";
import type { Release } from "../../facts/facts";
import type { Guardrail, Violation } from "../../rules/guardrail";

export const handshakePossible: Guardrail = {
  name: "handshake-possible",
  description: "Cilium is set up so that its agents can authenticate for the pods on their nodes.",
  severity: "mandatory",
  prevents:
    "Pods that can never authenticate: the datapath finds a peer's node by its IPv4 address alone (cilium bpf/lib/auth.h), and only identities that are CRDs get a registration entry (cilium operator/auth/spire).",
  remediation: "Keep ipv4.enabled true and identityAllocationMode crd.",
  blocksOff: false,
  checkStack: ({ config: { auth }, releases }) => (auth ? releases.flatMap(judgeRelease) : []),
};

function judgeRelease(release: Release): Violation[] {
  const at = (key: string) => valueOf(release, key);
  const identities = extraOf(release, "identity-allocation-mode") ?? at("identityAllocationMode");
  const problems: readonly (readonly [wrong: boolean, key: string, message: string])[] = [
    [at("ipv4.enabled") === false, "ipv4.enabled", "is false, but peers are found by IPv4 addresses; write true"],
    [
      at("underlayProtocol") === "ipv6",
      "underlayProtocol",
      "is ipv6, but peers are found by IPv4 addresses; write ipv4",
    ],
    [identities === "kvstore", "identityAllocationMode", "is kvstore, whose identities get no entry; write crd"],
  ];
  return problems.filter(([wrong]) => wrong).map(([, key, message]) => ({ where: inValues(release, key), message }));
}
