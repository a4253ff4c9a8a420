import { few } from "../../../core/util/few";
import { isClosed } from "../../../core/schema/schema";
import { isEmpty, promotionsOf, type Promotion } from "../../../core/rollout/promotions";
import { goesOff, type Guardrail } from "../../rules/guardrail";

export const blastRadius: Guardrail = {
  name: "blast-radius",
  description: "Few namespaces at a time begin to deny or to demand, and the first to demand does so alone.",
  severity: "mandatory",
  prevents:
    "A mistake in every namespace at once: a demand for authentication that came cluster-wide in one merge had no canary that would have shown it (devantler-tech/platform#1781).",
  remediation: "Promote fewer namespaces in this change, or raise rollout.blastRadius.",
  blocksOff: true,
  checkStack: (facts) => {
    const { config, previous } = facts;
    if (previous === "unknown") return [];
    const { state } = previous;
    const affected = promotionsOf(config, state).filter(
      ({ namespace, to }) => isClosed(to) && isEmpty(config, previous, namespace) === false,
    );
    const first = affected.filter(({ to }) => to === "require");
    const isFirst = ![state?.phases, state?.earned].some((known) => Object.values(known ?? {}).includes("require"));
    const { blastRadius } = config.rollout;
    const where = "zero-trust:rollout.phases";
    return [
      ...(affected.length > blastRadius
        ? [
            {
              where,
              message: `takes ${affected.length} namespaces to allow or require at once (${names(affected)}), and rollout.blastRadius is ${blastRadius}; leave some for the next change`,
              ...goesOff(facts),
            },
          ]
        : []),
      ...(isFirst && first.length > 1
        ? [
            {
              where,
              message: `takes ${names(first)} to require at once, and none has been there; let one go first`,
              ...goesOff(facts),
            },
          ]
        : []),
    ];
  },
  undecided: ({ previous }) =>
    previous === "unknown" ? "how many namespaces go forward: there is no deployed state to compare with" : undefined,
};

const names = (promotions: readonly Promotion[]) => few(promotions.map(({ namespace }) => namespace));
