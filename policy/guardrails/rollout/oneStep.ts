import { few } from "../../../core/util/few";
import { phases } from "../../../core/schema/schema";
import { isEmpty, promotionsOf, type Promotion } from "../../../core/rollout/promotions";
import type { Facts } from "../../facts/facts";
import { goesOff, type Guardrail, type Violation } from "../../rules/guardrail";

export const oneStep: Guardrail = {
  name: "one-step",
  description: "A namespace goes forward one phase a change, unless no pods run in it.",
  severity: "mandatory",
  prevents:
    "A step that was skipped: callers that nobody had seen are cut off by a default deny or a demand for authentication that came in one change (devantler-tech/platform#1781, cilium#40621).",
  remediation:
    "Write the next phase of off, observe, allow, require; or, for a namespace without pods, name it in rollout.greenfield.",
  blocksOff: true,
  checkStack: (facts) => skipped(facts).flatMap((promotion) => violation(promotion, facts)),
  undecided: (facts) => {
    if (facts.previous === "unknown") return "which phases go forward: there is no deployed state to compare with";
    const unknown = skipped(facts).filter(({ namespace }) => emptiness(facts, namespace) === "unknown");
    if (unknown.length === 0) return undefined;
    return `whether pods run in ${few(unknown.map(({ namespace }) => namespace))}: the cluster was not asked, or did not say`;
  },
};

const skipped = ({ config, previous }: Facts): Promotion[] =>
  previous === "unknown" ? [] : promotionsOf(config, previous.state).filter(({ steps }) => steps > 1);

const emptiness = ({ config, previous }: Facts, namespace: string) =>
  previous === "unknown" ? "unknown" : isEmpty(config, previous, namespace);

function violation({ namespace, from, to }: Promotion, facts: Facts): Violation[] {
  const empty = emptiness(facts, namespace);
  if (empty !== false) return [];
  const { config, previous } = facts;
  const next = phases[phases.indexOf(from) + 1] ?? to;
  const pods = previous === "unknown" ? undefined : previous.pods?.[namespace];
  const but = config.rollout.greenfield.includes(namespace) ? `, and ${pods} pods run in it` : "";
  return [
    {
      where: `zero-trust:rollout.phases.${namespace}`,
      namespace,
      message: `goes from ${from} to ${to}${but}; write ${next} first`,
      ...goesOff(facts),
    },
  ];
}
