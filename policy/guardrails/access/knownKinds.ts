import type { KubernetesObject } from "../../../core/util/kubernetes";
import { ciliumRules, isCiliumPolicy } from "../../rules/ciliumPolicy";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { recordOf } from "../../rules/values";

export const knownKinds: Guardrail = {
  name: "known-kinds",
  description: "Every object of Cilium and of Linkerd's policies is of a kind, version and authentication that exists.",
  severity: "mandatory",
  prevents:
    "An update that fails at its end, with everything else applied: there is no CiliumAuthPolicy and no pattern of SPIFFE IDs, though user stories name them (cilium pkg/k8s/apis/cilium.io/client/crds), and Linkerd serves its AuthorizationPolicy as v1alpha1 alone (linkerd2 charts/linkerd-crds).",
  remediation: "Write a CiliumNetworkPolicy with authentication: { mode: required } in its ingress rules.",
  blocksOff: false,
  reads: ({ apiVersion }) => apiVersion.startsWith("cilium.io/") || apiVersion.startsWith("policy.linkerd.io/"),
  checkObject: (manifest) => (manifest.apiVersion.startsWith("cilium.io/") ? ofCilium(manifest) : ofLinkerd(manifest)),
};

function ofCilium(manifest: KubernetesObject): Violation[] {
  if (!kinds.has(manifest.kind))
    return [inObject(manifest, "kind", `is not one of Cilium's; did you mean CiliumNetworkPolicy?`)];
  if (!isCiliumPolicy(manifest)) return [];
  return ciliumRules(manifest).flatMap(({ where, rule }) => {
    const { authentication } = rule;
    const { mode, ...others } = recordOf(authentication);
    if (authentication === undefined || authentication === null) return [];
    if (typeof mode === "string" && modes.includes(mode) && Object.keys(others).length === 0) return [];
    const found = JSON.stringify(authentication) ?? "nothing";
    return [
      inObject(manifest, `${where}.authentication`, `is ${found}; write { mode: required }, which is all there is`),
    ];
  });
}

/** Kinds that Linkerd serves as v1alpha1 and nothing else (linkerd2 charts/linkerd-crds/templates/policy). */
const alpha: readonly string[] = ["AuthorizationPolicy", "MeshTLSAuthentication", "NetworkAuthentication"];

function ofLinkerd(manifest: KubernetesObject): Violation[] {
  const version = manifest.apiVersion.replace(/.*\//, "");
  if (!alpha.includes(manifest.kind) || version === "v1alpha1") return [];
  return [inObject(manifest, "apiVersion", `is ${manifest.apiVersion}; write policy.linkerd.io/v1alpha1`)];
}

const modes: readonly string[] = ["required", "disabled", "test-always-fail"];

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
