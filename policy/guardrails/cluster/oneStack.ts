import type { Guardrail } from "../../rules/guardrail";

export const oneStack: Guardrail = {
  name: "one-stack",
  description: "A cluster belongs to one stack.",
  severity: "mandatory",
  prevents:
    "Two stacks that take each other's objects for their own, so that each update of one undoes the other's: what is there already is taken up (upsertExistingObjects of pulumi-kubernetes).",
  remediation: "Give each stack its own cluster.context and cluster.identity, or remove one of the stack files.",
  blocksOff: false,
  checkStack: ({ stack, config }) => {
    const { identity } = config.cluster;
    if (identity === notYet) return [];
    return stack.peers
      .filter((peer) => peer.identity === identity)
      .map(({ name }) => ({
        where: "zero-trust:cluster.identity",
        message: `is ${identity}, and so is that of stack ${name}; write the UID of this stack's own cluster`,
      }));
  },
};

/** What a stack file has until its cluster is known. */
const notYet = "00000000-0000-0000-0000-000000000000";
