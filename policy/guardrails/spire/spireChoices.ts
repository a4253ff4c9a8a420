import { choicesOf } from "../../../core/rollout/choices";
import type { Guardrail, Violation } from "../../rules/guardrail";

export const spireChoices: Guardrail = {
  name: "spire-choices",
  description: "What of SPIRE can be chosen only once stays what it was.",
  severity: "mandatory",
  prevents:
    "A SPIRE that is replaced under its users: another datastore knows no agent and no entry, another attestor makes other agents of all, of which the node alias knows none, another name of the cluster is one to which no agent has attested and a prefix that leaves the old entries to nobody, and Kubernetes changes neither a claim's class nor a StatefulSet's claims in place (k8s.io/kubernetes pkg/apis).",
  remediation:
    "Write the value that the stack was deployed with. Where it has to change, deploy a stack for another cluster, or waive this guardrail for an update whose preview you have read.",
  blocksOff: false,
  checkStack: ({ config, previous }) => {
    const recorded = previous === "unknown" ? undefined : previous.state?.choices;
    // What was recorded before there were others attested by tokens.
    const before = recorded && { "spire.nodeAttestor": "k8sPsat", ...recorded };
    const after = choicesOf(config);
    if (!before || !after) return [];
    return Object.entries(before).flatMap(([key, was]): Violation[] => {
      const is = after[key] ?? "";
      if (is === was || (key === "spire.storage.size" && mayGrow(before, was, is))) return [];
      const message = `is ${is || "not set"}, but the stack was deployed with ${was || "none"}: ${because[key] ?? "it is chosen once"}; ${was ? `write ${was}` : "remove it"}`;
      return [{ where: `zero-trust:${key}`, message }];
    });
  },
  undecided: ({ previous }) =>
    previous === "unknown" ? "whether it changes: there is no deployed state to compare with" : undefined,
};

/** A claim of its own may grow, by its class; one of a StatefulSet's may not change. */
const mayGrow = (before: Readonly<Record<string, string>>, was: string, is: string) =>
  before["spire.datastore"] === "sqlite3" && mebibytes(is) > mebibytes(was);

const units: Readonly<Record<string, number>> = { Mi: 1, Gi: 1024, Ti: 1024 ** 2 };
const mebibytes = (size: string) => Number.parseInt(size, 10) * (units[size.slice(-2)] ?? NaN);

const because: Readonly<Record<string, string>> = {
  "cluster.name": "agents attest to it, and entries have it as their prefix",
  "spire.agentNamespace": "every agent would be replaced, all at once",
  "spire.datastore": "another one knows no agent and no entry",
  "spire.nodeAttestor": "every agent would be another one, and Cilium without identities until the last has attested",
  "spire.storage.className": "a volume keeps its class",
  "spire.storage.size": "volumes do not shrink, and those of several servers are part of their StatefulSet",
};
