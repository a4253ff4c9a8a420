import type { Guardrail } from "../guardrail";
import { agentsEverywhere } from "./agentsEverywhere";
import { authConsumed } from "./authConsumed";
import { delegateWiring } from "./delegateWiring";
import { flagAtomic } from "./flagAtomic";
import { imagesPinned } from "./imagesPinned";
import { knownKinds } from "./knownKinds";
import { leastPrivilege } from "./leastPrivilege";
import { noBroadAuthRule } from "./noBroadAuthRule";
import { noRequiredWhileDisabled } from "./noRequiredWhileDisabled";
import { nodeAttestation } from "./nodeAttestation";
import { protectedNamespaces } from "./protectedNamespaces";
import { sqliteSingleServer } from "./sqliteSingleServer";
import { tcpOnly } from "./tcpOnly";
import { trustDomain } from "./trustDomain";
import { ttlCoherence } from "./ttlCoherence";

/** Every guardrail, in the order in which they are shown: the flag, the policies, SPIRE. */
export const guardrails: readonly Guardrail[] = [
  noRequiredWhileDisabled,
  flagAtomic,
  protectedNamespaces,
  noBroadAuthRule,
  tcpOnly,
  knownKinds,
  authConsumed,
  trustDomain,
  delegateWiring,
  nodeAttestation,
  agentsEverywhere,
  leastPrivilege,
  sqliteSingleServer,
  ttlCoherence,
  imagesPinned,
];
