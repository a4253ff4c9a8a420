import { inObject, type Guardrail } from "../guardrail";
import { recordOf } from "../values";

export const istioStrict: Guardrail = {
  name: "istio-strict",
  description: "Istio takes no plain text in a namespace that is closed.",
  severity: "mandatory",
  prevents:
    "Callers without an identity: with PERMISSIVE or DISABLE a workload also takes plain text, in which nobody says who calls (Istio docs, PeerAuthentication and mTLS Migration).",
  remediation: "Write mtls.mode STRICT once every caller is in the mesh, and leave out the ports in portLevelMtls.",
  blocksOff: false,
  reads: ({ apiVersion, kind }) => apiVersion.startsWith("security.istio.io/") && kind === "PeerAuthentication",
  checkObject: (policy, { config: { rollout } }) => {
    const { mtls, portLevelMtls } = recordOf(policy["spec"]);
    const modes: [place: string, mode: unknown][] = [
      ["spec.mtls.mode", recordOf(mtls)["mode"]],
      ...Object.entries(recordOf(portLevelMtls)).map(([port, value]): [string, unknown] => [
        `spec.portLevelMtls.${port}.mode`,
        recordOf(value)["mode"],
      ]),
    ];
    const closed = ["allow", "require"].includes(rollout.phases[policy.metadata.namespace ?? "default"] ?? "off");
    return modes.flatMap(([place, mode]) =>
      mode === "PERMISSIVE" || mode === "DISABLE"
        ? [inObject(policy, place, `is ${mode}, so plain text is taken; write STRICT`, closed ? undefined : "advisory")]
        : [],
    );
  },
};
