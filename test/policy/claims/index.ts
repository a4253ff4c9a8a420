import { cluster } from "./cluster";
import type { Claims } from "./claim";
import { flag } from "./flag";
import { pods } from "./pods";
import { policies } from "./policies";
import { spire } from "./spire";

/** What every guardrail claims to catch. */
export const claims: Claims = { ...flag, ...cluster, ...policies, ...spire, ...pods };
