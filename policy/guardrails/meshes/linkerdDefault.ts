import type { KubernetesObject } from "../../../core/util/kubernetes";
import { inObject, type Guardrail } from "../../rules/guardrail";
import { recordOf } from "../../rules/values";

export const linkerdDefault: Guardrail = {
  name: "linkerd-default",
  description: "Where no policy of Linkerd's decides, a closed namespace admits nobody without an identity.",
  severity: "mandatory",
  prevents:
    "Ports that no Server is about: they follow the default inbound policy, and with all-unauthenticated or cluster-unauthenticated anybody may call them, with audit too (linkerd.io docs, Authorization Policy reference).",
  remediation: "Write config.linkerd.io/default-inbound-policy: deny, and accessPolicy: deny, and restart the pods.",
  blocksOff: false,
  reads: (object) => policiesOf(object).length > 0,
  checkObject: (object, { config: { rollout } }) => {
    const namespace = object.kind === "Namespace" ? object.metadata.name : (object.metadata.namespace ?? "default");
    const closed = ["allow", "require"].includes(rollout.phases[namespace] ?? "off");
    return policiesOf(object).map(([place, policy]) =>
      inObject(
        object,
        place,
        `is ${policy}, which admits callers without an identity; write deny`,
        closed ? undefined : "advisory",
      ),
    );
  },
};

const annotation = "config.linkerd.io/default-inbound-policy";
const open: readonly unknown[] = ["all-unauthenticated", "cluster-unauthenticated", "audit"];

/** The default policies in an object that admit callers without an identity: of a namespace, of a workload's pods, of a Server. */
function policiesOf({ apiVersion, kind, metadata, spec }: KubernetesObject): [place: string, policy: string][] {
  const template = recordOf(recordOf(recordOf(spec)["template"])["metadata"]);
  const found: [string, unknown][] = [
    [`metadata.annotations["${annotation}"]`, recordOf(metadata.annotations)[annotation]],
    [`spec.template.metadata.annotations["${annotation}"]`, recordOf(template["annotations"])[annotation]],
    ...(kind === "Server" && apiVersion.startsWith("policy.linkerd.io/")
      ? [["spec.accessPolicy", recordOf(spec)["accessPolicy"]] as [string, unknown]]
      : []),
  ];
  return found.flatMap(([place, policy]) =>
    typeof policy === "string" && open.includes(policy) ? [[place, policy]] : [],
  );
}
