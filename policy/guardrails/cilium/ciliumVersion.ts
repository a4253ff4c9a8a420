import { minorOf, supported } from "../../../core/schema/versions";
import type { Guardrail } from "../../rules/guardrail";

export const ciliumVersion: Guardrail = {
  name: "cilium-version",
  description: "Cilium is of a version that has mutual authentication.",
  severity: "mandatory",
  prevents:
    "Values that are silently ignored and a field of the policies that is gone: mutual authentication is deprecated in Cilium 1.20 and to be removed in 1.21 (cilium#47132).",
  remediation:
    "Stay on a version of the table in docs/versions.md, and turn authentication off before an upgrade beyond it.",
  blocksOff: false,
  checkStack: ({ config: { cluster } }) => {
    if (!cluster.cilium) return [];
    const { version } = cluster.cilium;
    const where = "zero-trust:cluster.cilium.version";
    const minors: readonly string[] = supported.cilium;
    if (!minors.includes(minorOf(version)))
      return [{ where, message: `is ${version}; write a version of ${minors.join(", ")}` }];
    if (minorOf(version) !== minors.at(-1)) {
      // A check in pkg/auth/mutual_authhandler.go, and an endless loop of the operator (cilium#46769), are repaired in 1.20.2 alone.
      const message = `is ${version}, whose agents do not notice a peer's certificate that was swapped during the handshake; 1.20.2 does`;
      return [{ where, message, severity: "advisory" }];
    }
    const message = `is ${version}, the last with mutual authentication, where it is deprecated; do not upgrade Cilium beyond it with auth on`;
    return [{ where, message, severity: "advisory" }];
  },
};
