import { spireSizeNames, spireSizes } from "../../../core/schema/spireSizes";
import type { Guardrail, Violation } from "../../rules/guardrail";

export const spireSize: Guardrail = {
  name: "spire-size",
  description: "SPIRE is sized for the nodes that the cluster has.",
  severity: "advisory",
  prevents:
    "A SPIRE that its cluster has outgrown: every node's agent holds every identity (cilium#31430), so what the servers sign grows with nodes times identities, and replacing the agents one by one takes longer than an update waits (docs/scale.md).",
  remediation: "Write the next spire.size, and spire.replicas and spire.datastore as it wants them.",
  blocksOff: false,
  checkStack: ({ config: { spire }, previous }) => {
    if (spire.install !== "managed") return [];
    const { nodes, servers } = spireSizes[spire.size];
    const found: Violation[] = [];
    if (spire.replicas < servers) {
      const message = `is ${spire.replicas}, but spire.size ${spire.size} is for ${servers} servers or more: one has to do what all do when the others are away; write ${servers}, with a spire.datastore that they share`;
      found.push({ where: "zero-trust:spire.replicas", message });
    }
    const live = previous === "unknown" ? 0 : (previous.nodes ?? 0);
    if (live > nodes) {
      const enough = spireSizeNames.find((name) => spireSizes[name].nodes >= live);
      const advice = enough ? `write ${enough}` : "see docs/scale.md";
      const message = `is ${spire.size}, for up to ${nodes} nodes, but Cilium runs on ${live}; ${advice}`;
      found.push({ where: "zero-trust:spire.size", message });
    }
    return found;
  },
};
