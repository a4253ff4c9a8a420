import type { KubernetesObject } from "../../../core/util/kubernetes";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { listOf, recordOf } from "../../rules/values";

export const linkerdCallers: Guardrail = {
  name: "linkerd-callers",
  description: "Linkerd's policies name whom they admit.",
  severity: "mandatory",
  prevents:
    "A server that everybody may call: an AuthorizationPolicy without requiredAuthenticationRefs admits callers without any authentication, from every network, and the identity * is whoever is in the mesh (linkerd2 policy-controller/k8s/index, policy_client_authz).",
  remediation: "Refer to a MeshTLSAuthentication whose identityRefs name service accounts.",
  blocksOff: false,
  reads: ({ apiVersion, kind }) =>
    apiVersion.startsWith("policy.linkerd.io/") && (kind === "AuthorizationPolicy" || kind === "MeshTLSAuthentication"),
  checkObject: (object) => (object.kind === "AuthorizationPolicy" ? references(object) : identities(object)),
};

function references(policy: KubernetesObject): Violation[] {
  const place = "spec.requiredAuthenticationRefs";
  const refs = listOf(recordOf(policy["spec"])["requiredAuthenticationRefs"]);
  return refs.length > 0 ? [] : [inObject(policy, place, "is empty, which admits everybody; name an authentication")];
}

function identities(authentication: KubernetesObject): Violation[] {
  const { identities } = recordOf(authentication["spec"]);
  const everybody = listOf(identities).includes("*");
  const message = "has *, which is whoever is in the mesh; name service accounts in identityRefs";
  return everybody ? [inObject(authentication, "spec.identities", message)] : [];
}
