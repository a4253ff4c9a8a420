import { ciliumRules, ciliumSpecs, portsOf } from "../../rules/ciliumPolicy";
import { inValues, valueOf } from "../../rules/ciliumValues";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { inObject, type Guardrail } from "../../rules/guardrail";
import { numberOf } from "../../rules/values";

export const handshakePort: Guardrail = {
  name: "handshake-port",
  description: "Where Cilium is also the nodes' firewall, nodes may reach each other's port 4250.",
  severity: "advisory",
  prevents:
    "Handshakes that never come through: the agent of one node dials that of another on TCP 4250, which a host firewall without a rule for it dropped for every pod across nodes (devantler-tech/platform#1859, cilium#24542).",
  remediation:
    "Admit TCP 4250 from the entities remote-node and kube-apiserver in a CiliumClusterwideNetworkPolicy with a nodeSelector.",
  blocksOff: false,
  reads: isHostPolicy,
  checkStack: ({ config: { auth }, objects, releases }) => {
    const hostPolicies = objects.filter(isHostPolicy);
    if (!auth || hostPolicies.some(admits)) return [];
    const advice = "admit it from remote-node";
    return [
      ...hostPolicies
        .filter((policy) => ciliumRules(policy).some(({ direction }) => direction === "ingress"))
        .map((policy) => inObject(policy, "spec.ingress", `closes nodes, and nothing admits TCP 4250; ${advice}`)),
      ...releases
        .filter((release) => valueOf(release, "hostFirewall.enabled") === true)
        .map((release) => ({
          where: inValues(release, "hostFirewall.enabled"),
          message: `is true, and no policy of this stack admits TCP 4250 to nodes; ${advice}`,
        })),
    ];
  },
};

/** A policy for nodes, in `spec` or in `specs`. */
function isHostPolicy(object: KubernetesObject): boolean {
  if (object.kind !== "CiliumClusterwideNetworkPolicy") return false;
  return ciliumSpecs(object).some(({ spec }) => spec["nodeSelector"] !== undefined);
}

function admits(policy: KubernetesObject): boolean {
  return ciliumRules(policy).some(({ direction, rule, spec }) => {
    if (direction !== "ingress" || spec["nodeSelector"] === undefined || Object.keys(rule).length === 0) return false;
    const ports = portsOf(rule);
    return ports.length === 0 || ports.some(includes4250);
  });
}

const includes4250 = ({ port, endPort = port, protocol = "ANY" }: Readonly<Record<string, unknown>>) =>
  (protocol === "TCP" || protocol === "ANY") && numberOf(port) <= 4250 && 4250 <= numberOf(endPort);
