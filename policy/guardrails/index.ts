import type { Guardrail } from "../guardrail";
import { noBroadAuthRule } from "./noBroadAuthRule";
import { noRequiredWhileDisabled } from "./noRequiredWhileDisabled";
import { protectedNamespaces } from "./protectedNamespaces";
import { sqliteSingleServer } from "./sqliteSingleServer";
import { trustDomain } from "./trustDomain";
import { ttlCoherence } from "./ttlCoherence";

/** Every guardrail, in the order in which they are shown. */
export const guardrails: readonly Guardrail[] = [
  noRequiredWhileDisabled,
  noBroadAuthRule,
  protectedNamespaces,
  trustDomain,
  sqliteSingleServer,
  ttlCoherence,
];
