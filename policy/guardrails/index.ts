import type { Guardrail } from "../guardrail";
import { agentsEverywhere } from "./agentsEverywhere";
import { authConsumed } from "./authConsumed";
import { blastRadius } from "./blastRadius";
import { ciliumVersion } from "./ciliumVersion";
import { delegateWiring } from "./delegateWiring";
import { evidence } from "./evidence";
import { flagAtomic } from "./flagAtomic";
import { imagesPinned } from "./imagesPinned";
import { inPlaceTransition } from "./inPlaceTransition";
import { knownKinds } from "./knownKinds";
import { leastPrivilege } from "./leastPrivilege";
import { noBroadAuthRule } from "./noBroadAuthRule";
import { noClusterMesh } from "./noClusterMesh";
import { noRequiredWhileDisabled } from "./noRequiredWhileDisabled";
import { nodeAttestation } from "./nodeAttestation";
import { oneStack } from "./oneStack";
import { oneStep } from "./oneStep";
import { order } from "./order";
import { pinnedCluster } from "./pinnedCluster";
import { podSecurity } from "./podSecurity";
import { protectedNamespaces } from "./protectedNamespaces";
import { resume } from "./resume";
import { spireNeeded } from "./spireNeeded";
import { sqliteSingleServer } from "./sqliteSingleServer";
import { tcpOnly } from "./tcpOnly";
import { trustDomain } from "./trustDomain";
import { ttlCoherence } from "./ttlCoherence";
import { versionSkew } from "./versionSkew";

/** Every guardrail, in the order in which they are shown: the flag, the cluster, the policies, SPIRE. */
export const guardrails: readonly Guardrail[] = [
  noRequiredWhileDisabled,
  flagAtomic,
  order,
  inPlaceTransition,
  resume,
  oneStep,
  evidence,
  blastRadius,
  pinnedCluster,
  oneStack,
  ciliumVersion,
  noClusterMesh,
  protectedNamespaces,
  noBroadAuthRule,
  tcpOnly,
  knownKinds,
  authConsumed,
  trustDomain,
  spireNeeded,
  delegateWiring,
  nodeAttestation,
  agentsEverywhere,
  leastPrivilege,
  podSecurity,
  versionSkew,
  sqliteSingleServer,
  ttlCoherence,
  imagesPinned,
];
