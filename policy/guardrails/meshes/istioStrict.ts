import { inObject, type Guardrail } from "../../rules/guardrail";
import type { StackConfig } from "../../../core/schema/schema";
import { meshPhaseOf } from "../../rules/meshPhase";
import { recordOf } from "../../rules/values";

export const istioStrict: Guardrail = {
  name: "istio-strict",
  description: "Istio takes no plain text in a namespace that is closed.",
  severity: "mandatory",
  prevents:
    "Callers without an identity: with PERMISSIVE or DISABLE a workload also takes plain text, in which nobody says who calls (Istio docs, PeerAuthentication and mTLS Migration).",
  remediation: "Write mtls.mode STRICT once every caller is in the mesh, and leave out the ports in portLevelMtls.",
  blocksOff: false,
  reads: ({ apiVersion, kind }) => apiVersion.startsWith("security.istio.io/") && kind === "PeerAuthentication",
  checkObject: (policy, { config }) => {
    const { rollout } = config;
    const phase = meshPhaseOf(config, policy.metadata.namespace);
    // Before require callers are told by their certificates, and whoever has none is denied and not refused; a network has none.
    if (phase !== undefined && phase !== "require") return [];
    const { mtls, portLevelMtls } = recordOf(policy["spec"]);
    const modes: [place: string, mode: unknown][] = [
      ["spec.mtls.mode", recordOf(mtls)["mode"]],
      ...Object.entries(recordOf(portLevelMtls)).map(([port, value]): [string, unknown] => [
        `spec.portLevelMtls.${port}.mode`,
        recordOf(value)["mode"],
      ]),
    ];
    const closed = ["allow", "require"].includes(rollout.phases[policy.metadata.namespace ?? "default"] ?? "off");
    const named = new Set(phase ? networkPorts(config, policy.metadata.namespace) : []);
    return modes.flatMap(([place, mode]) =>
      !named.has(place) && (mode === "PERMISSIVE" || mode === "DISABLE")
        ? [inObject(policy, place, `is ${mode}, so plain text is taken; write STRICT`, closed ? undefined : "advisory")]
        : [],
    );
  },
};

/** Ports on which intents admit networks, which have no certificate. */
const networkPorts = ({ access }: StackConfig, namespace: string | undefined) =>
  access
    .filter(({ target, callers }) => target.namespace === namespace && callers.some((caller) => "cidr" in caller))
    .map(({ port }) => `spec.portLevelMtls.${port}.mode`);
