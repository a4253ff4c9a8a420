import type { Guardrail } from "../../rules/guardrail";
import { blastRadius } from "./blastRadius";
import { evidence } from "./evidence";
import { flagAtomic } from "./flagAtomic";
import { inPlaceTransition } from "./inPlaceTransition";
import { noRequiredWhileDisabled } from "./noRequiredWhileDisabled";
import { oneStep } from "./oneStep";
import { order } from "./order";
import { resume } from "./resume";

/** The flag, and how far an update takes a namespace. */
export const rollout: readonly Guardrail[] = [
  noRequiredWhileDisabled,
  flagAtomic,
  order,
  inPlaceTransition,
  resume,
  oneStep,
  evidence,
  blastRadius,
];
