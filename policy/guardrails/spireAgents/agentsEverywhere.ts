import { inObject, type Guardrail } from "../../rules/guardrail";
import { mayBeSpire } from "../../rules/spireConfiguration";
import { listOf, podOf, recordOf } from "../../rules/values";

export const agentsEverywhere: Guardrail = {
  name: "agents-everywhere",
  description: "A SPIRE agent runs on every node that Cilium runs on.",
  severity: "mandatory",
  prevents:
    "Nodes that cannot authenticate: Cilium's agents tolerate every taint, and where no SPIRE agent runs beside them all traffic that must authenticate is dropped (cilium#27228, cilium#28600).",
  remediation: "Tolerate everything, { operator: Exists }, and select no nodes.",
  blocksOff: false,
  reads: (object) => object.kind === "DaemonSet" && mayBeSpire(object),
  checkObject: (agent) => {
    const { tolerations, nodeSelector } = podOf(agent);
    const all = listOf(tolerations)
      .map(recordOf)
      .some(({ operator, key, effect }) => operator === "Exists" && key === undefined && effect === undefined);
    return [
      ...(all ? [] : [inObject(agent, "tolerations", "leave out nodes with other taints; write { operator: Exists }")]),
      ...(Object.keys(recordOf(nodeSelector)).length > 0
        ? [inObject(agent, "nodeSelector", "leaves out nodes that Cilium runs on; remove it")]
        : []),
    ];
  },
};
