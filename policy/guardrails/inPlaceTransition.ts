import { recordOf as recordObjects } from "../../components/rollout/record";
import type { Facts } from "../facts";
import type { Guardrail, Violation } from "../guardrail";

export const inPlaceTransition: Guardrail = {
  name: "in-place-transition",
  description: "An update that turns the flag deletes and replaces nothing.",
  severity: "mandatory",
  prevents:
    "A policy that outlives Cilium's authentication: Pulumi deletes after everything else, so a policy that is removed in the update that turns authentication off demands it until the very end (pulumi pkg/resource/deploy/deployment_executor.go).",
  remediation: "Turn the flag in an update of its own, and remove or rename things in another.",
  blocksOff: true,
  checkStack: (facts) => {
    if (facts.previous === "unknown" || facts.previous.state?.auth === facts.config.auth) return [];
    const before = facts.previous.state?.objects ?? [];
    const after = new Set(recordObjects(facts.objects));
    const names = new Set([...after].map(nameOf));
    return before
      .filter((record) => !after.has(record))
      .map((record) => violation(nameOf(record), names.has(nameOf(record)), facts));
  },
  undecided: ({ previous }) =>
    previous === "unknown" ? "what would be deleted: there is no deployed state to compare with" : undefined,
};

const nameOf = (record: string) => record.replace(/#[0-9a-f]{8}$/, "");

function violation(object: string, replaced: boolean, { config: { auth } }: Facts): Violation {
  const flag = `while auth goes ${auth ? "on" : "off"}`;
  const message = `would be ${replaced ? "replaced" : "deleted"} ${flag}; leave it as it was, turn the flag, and change it in the next update`;
  // On the way off only an allow rule makes it worse: the one that still demands authentication when Cilium has stopped.
  const harmless = !auth && (!object.startsWith("CiliumNetworkPolicy ") || object.endsWith("/deny-all"));
  return { where: object, message, ...(harmless ? { severity: "advisory" } : {}) };
}
