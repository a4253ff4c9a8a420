import { type StackConfig, isClosed } from "../../../core/schema/schema";
import { groupBy } from "../../../core/util/groupBy";
import type { Facts } from "../../facts/facts";
import { extraOf, inValues } from "../../rules/ciliumValues";
import type { Guardrail, Violation } from "../../rules/guardrail";

export const probesAdmitted: Guardrail = {
  name: "probes-admitted",
  description: "The kubelet's probes reach the pods of a closed namespace.",
  severity: "mandatory",
  prevents:
    "Pods that are restarted for ever: Cilium always lets a node's own host in, probes among it, unless allow-localhost says that policies decide (cilium Documentation/security/policy/layer3.rst). Linkerd lets them in only on ports without routes (linkerd2 policy-controller/k8s/index).",
  remediation:
    "Remove allow-localhost from extraConfig, or write auto. For Linkerd name the network of the nodes as a caller of the probes' paths.",
  blocksOff: false,
  checkStack: ({ config, releases }) => [...ofCilium(config, releases), ...ofLinkerd(config)],
};

const ofCilium = ({ rollout }: StackConfig, releases: Facts["releases"]): Violation[] =>
  !Object.values(rollout.phases).some(isClosed)
    ? []
    : releases
        .filter((release) => extraOf(release, "allow-localhost") === "policy")
        .map((release) => ({
          where: inValues(release, "extraConfig.allow-localhost"),
          message: "is policy, so a default deny denies the kubelet's probes; remove it",
        }));

/**
 * Linkerd's proxy admits probes by itself on ports without routes alone, and operations are routes; a network is whom the kubelet calls as (linkerd2
 * policy-controller/k8s/index, http_routes). Advice: whether the kubelet probes that port is not known here.
 */
function ofLinkerd({ access, mesh, rollout }: StackConfig): Violation[] {
  if (!mesh?.linkerd) return [];
  const ports = groupBy(
    access.filter(({ target }) => isClosed(rollout.phases[target.namespace])),
    ({ target, port }) => JSON.stringify([target.namespace, Object.entries(target.selector).sort(), port]),
  );
  return [...ports.values()]
    .filter((intents) => intents.some(({ operations }) => operations))
    .filter((intents) => !intents.some(({ callers }) => callers.some((caller) => "cidr" in caller)))
    .map(([{ name, port, target }]) => ({
      where: `zero-trust:access of ${target.namespace}, ${name}`,
      namespace: target.namespace,
      message: `has operations on the port ${port}, where Linkerd then denies the kubelet's probes; if it probes that port, add an intent with the network of the nodes as its caller and the probes' paths`,
      severity: "advisory",
    }));
}
