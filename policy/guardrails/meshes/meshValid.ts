import { describeObject, type KubernetesObject } from "../../../core/util/kubernetes";
import { groupBy } from "../../../core/util/groupBy";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { refusedOfAuthorizationPolicy, refusedOfPeerAuthentication } from "../../rules/meshes/istio";
import { refusedByLinkerd } from "../../rules/meshes/linkerd";
import type { Refusal } from "../../rules/refusal";
import { recordOf } from "../../rules/values";

export const meshValid: Guardrail = {
  name: "mesh-valid",
  description: "Every policy of Istio's and Linkerd's is one that their webhooks take.",
  severity: "mandatory",
  prevents:
    "An update that fails half-way, with some callers admitted and others not yet: the CRDs take an empty source, a port of letters or a second Server for a port, and the webhooks refuse them when they get there (istio pkg/config/validation/validation.go, linkerd2 policy-controller/runtime/src/admission.rs).",
  remediation: "Write what the message says, in the place that it names.",
  blocksOff: false,
  reads: (object) => isIstios(object) || isLinkerds(object),
  checkObject: (object) => refusedOf(object).map(({ path, message }) => inObject(object, path, message)),
  checkStack: ({ objects }) => sharedPorts(objects.filter((object) => isLinkerds(object) && object.kind === "Server")),
};

const isIstios = ({ apiVersion }: KubernetesObject) => apiVersion.startsWith("security.istio.io/");
const isLinkerds = ({ apiVersion }: KubernetesObject) => apiVersion.startsWith("policy.linkerd.io/");

function refusedOf(object: KubernetesObject): Refusal[] {
  if (isLinkerds(object)) return refusedByLinkerd(object);
  if (object.kind === "AuthorizationPolicy") return refusedOfAuthorizationPolicy(object["spec"]);
  return object.kind === "PeerAuthentication" ? refusedOfPeerAuthentication(object["spec"]) : [];
}

/** Servers of a namespace for one port that select the same pods, as far as the webhook sees it: by the same selector, or by one for all pods. */
function sharedPorts(servers: readonly KubernetesObject[]): Violation[] {
  const portOf = ({ metadata, spec }: KubernetesObject) =>
    JSON.stringify([metadata.namespace ?? "default", recordOf(spec)["port"]]);
  return [...groupBy(servers, portOf).values()].flatMap((onPort) =>
    onPort.flatMap((server, i) => {
      const other = onPort.slice(0, i).find((other) => meet(selectorOf(other), selectorOf(server)));
      if (!other) return [];
      const message = `is that of ${describeObject(other)}, which selects the same pods; write one Server for both`;
      return [inObject(server, "spec.port", message)];
    }),
  );
}

/** The labels, sorted: a selector without any is for all pods. */
const selectorOf = ({ spec }: KubernetesObject) => {
  const { podSelector } = recordOf(spec);
  const { matchLabels, matchExpressions } = recordOf(podSelector);
  return podSelector === undefined
    ? undefined
    : JSON.stringify([Object.entries(recordOf(matchLabels)).sort(), matchExpressions ?? []]);
};
const all = JSON.stringify([[], []]);
const meet = (a: string | undefined, b: string | undefined) =>
  a !== undefined && b !== undefined && (a === b || a === all || b === all);
