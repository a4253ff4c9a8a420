import type { Guardrail } from "../../rules/guardrail";
import { oneOwner } from "./oneOwner";
import { oneStack } from "./oneStack";
import { pinnedCluster } from "./pinnedCluster";
import { valuesNotShadowed } from "./valuesNotShadowed";

/** Which cluster a stack writes to, and who else writes there. */
export const cluster: readonly Guardrail[] = [pinnedCluster, oneStack, oneOwner, valuesNotShadowed];
