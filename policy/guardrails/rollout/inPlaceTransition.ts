import { recordOf as recordObjects, type ObjectRecord } from "../../../core/rollout/record";
import type { Guardrail, Violation } from "../../rules/guardrail";

export const inPlaceTransition: Guardrail = {
  name: "in-place-transition",
  description: "An update that turns the flag deletes and replaces nothing.",
  severity: "mandatory",
  prevents:
    "A policy that outlives Cilium's authentication: Pulumi deletes after everything else, so a policy that is removed in the update that turns authentication off demands it until the very end (pulumi pkg/resource/deploy/deployment_executor.go).",
  remediation: "Turn the flag in an update of its own, and remove or rename things in another.",
  blocksOff: true,
  checkStack: ({ config: { auth }, objects, previous }) => {
    const before = previous === "unknown" || previous.state?.auth === auth ? undefined : previous.state?.objects;
    if (!before) return [];
    const after = recordObjects(objects);
    const flag = `while auth goes ${auth ? "on" : "off"}`;
    const advice = "leave it as it was, turn the flag, and change it in the next update";
    return [
      ...deletedPolicies(before, after).map(({ namespace, name }): Violation => {
        const where = `CiliumNetworkPolicy ${namespace}/${name}`;
        // On the way off only an allow rule makes it worse: the one that still demands authentication when Cilium has stopped.
        const harmless = !auth && name === "zero-trust-deny-all";
        return { where, namespace, message: `would be deleted ${flag}; ${advice}`, ...(harmless ? advisory : {}) };
      }),
      ...(before.others === after.others
        ? []
        : [
            {
              where: "the stack",
              message: `would have other objects than before, beside its policies, ${flag}: pulumi preview shows which; ${advice}`,
              ...(auth ? {} : advisory),
            },
          ]),
    ];
  },
  undecided: ({ previous }) =>
    previous === "unknown" ? "what would be deleted: there is no deployed state to compare with" : undefined,
};

const advisory = { severity: "advisory" } as const;

function deletedPolicies(before: ObjectRecord, after: ObjectRecord): { namespace: string; name: string }[] {
  return Object.entries(before.policies).flatMap(([namespace, names]) => {
    const left = new Set(after.policies[namespace]?.split(" "));
    return names
      .split(" ")
      .filter((name) => !left.has(name))
      .map((name) => ({ namespace, name }));
  });
}
