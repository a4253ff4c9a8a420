import { inValues, valueOf } from "../../rules/ciliumValues";
import type { Facts, Release } from "../../facts/facts";
import type { Guardrail, Violation } from "../../rules/guardrail";

export const encrypted: Guardrail = {
  name: "encrypted",
  description: "Where Cilium authenticates, it encrypts what pods send to other nodes, and nothing of the nodes' own.",
  severity: "mandatory",
  prevents:
    "Authenticated identities that are borrowed: mutual authentication encrypts nothing, and where packets are routed natively the identity of a pod that is gone is taken from its address (cilium/design-cfps#27); with nodeEncryption the handshake's own port 4250 was cut off (devantler-tech/platform#1969).",
  remediation: "Write encryption.enabled true, encryption.type wireguard and encryption.nodeEncryption false.",
  blocksOff: false,
  checkStack: (facts) => (facts.config.auth ? facts.releases.flatMap(judgeRelease) : []),
  undecided: ({ config: { auth }, releases }) =>
    auth && !releases.some(({ complete }) => complete)
      ? "whether Cilium encrypts: the rest of its values is not in this stack"
      : undefined,
};

function judgeRelease(release: Release): Violation[] {
  const nodes = valueOf(release, "encryption.nodeEncryption") === true;
  return [
    ...(nodes
      ? [
          {
            where: inValues(release, "encryption.nodeEncryption"),
            message: "is true, which has cut off the port of the handshake itself; write false",
          },
        ]
      : []),
    ...(release.complete && valueOf(release, "encryption.enabled") !== true ? [unencrypted(release)] : []),
  ];
}

function unencrypted(release: Release): Violation {
  const where = inValues(release, "encryption.enabled");
  const advice = "write true, and encryption.type wireguard";
  if (isNative(release)) return { where, message: `is not true where packets are routed natively; ${advice}` };
  const message = `is not true, so what is authenticated can be read on its way; ${advice}`;
  return { where, message, severity: "advisory" };
}

/** Cilium takes `native` by itself where the cloud routes the pods' addresses (templates/cilium-configmap.yaml). */
function isNative(release: Facts["releases"][number]): boolean {
  const mode = valueOf(release, "routingMode");
  if (typeof mode === "string" && mode !== "") return mode === "native";
  return ["gke", "eni", "azure", "alibabacloud"].some((cloud) => valueOf(release, `${cloud}.enabled`) === true);
}
