import { inObject, type Guardrail } from "../guardrail";

export const knownKinds: Guardrail = {
  name: "known-kinds",
  description: "Every Cilium object is of a kind that Cilium has.",
  severity: "mandatory",
  prevents:
    "An update that fails at its end, with everything else applied: there is no CiliumAuthPolicy, though user stories name it (cilium pkg/k8s/apis/cilium.io/client/crds).",
  remediation: "Write a CiliumNetworkPolicy with authentication.mode: required in its ingress rules.",
  blocksOff: false,
  reads: ({ apiVersion }) => apiVersion.startsWith("cilium.io/"),
  checkObject: (manifest) =>
    kinds.has(manifest.kind)
      ? []
      : [inObject(manifest, "kind", `is not one of Cilium's; did you mean CiliumNetworkPolicy?`)],
};

/** The CRDs of Cilium 1.18.3, 1.19.3 and 1.20.2 (pkg/k8s/apis/cilium.io/client/crds). */
const kinds = new Set(
  [
    "BGPAdvertisement BGPClusterConfig BGPNodeConfig BGPNodeConfigOverride BGPPeerConfig BGPPeeringPolicy CIDRGroup ClusterwideEnvoyConfig",
    "ClusterwideNetworkPolicy DatapathPlugin EgressGatewayPolicy Endpoint EndpointSlice EnvoyConfig GatewayClassConfig Identity",
    "L2AnnouncementPolicy LoadBalancerIPPool LocalRedirectPolicy NetworkPolicy Node NodeConfig PodIPPool",
  ]
    .join(" ")
    .split(" ")
    .map((name) => `Cilium${name}`),
);
