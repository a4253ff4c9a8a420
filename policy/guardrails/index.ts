import type { Guardrail } from "../guardrail";
import { agentsEverywhere } from "./agentsEverywhere";
import { authConsumed } from "./authConsumed";
import { ciliumVersion } from "./ciliumVersion";
import { closedNamespaces } from "./closedNamespaces";
import { delegateWiring } from "./delegateWiring";
import { demandInRequire } from "./demandInRequire";
import { denyAllDenies } from "./denyAllDenies";
import { denyWithAllow } from "./denyWithAllow";
import { encrypted } from "./encrypted";
import { enforcementMode } from "./enforcementMode";
import { flagAtomic } from "./flagAtomic";
import { handshakePort } from "./handshakePort";
import { handshakePossible } from "./handshakePossible";
import { httpEnforced } from "./httpEnforced";
import { httpRulesHold } from "./httpRulesHold";
import { identifiablePeers } from "./identifiablePeers";
import { imagesPinned } from "./imagesPinned";
import { inPlaceTransition } from "./inPlaceTransition";
import { istioCallers } from "./istioCallers";
import { istioStrict } from "./istioStrict";
import { knownKinds } from "./knownKinds";
import { leastPrivilege } from "./leastPrivilege";
import { linkerdCallers } from "./linkerdCallers";
import { linkerdDefault } from "./linkerdDefault";
import { linkerdRoutes } from "./linkerdRoutes";
import { noAlwaysFail } from "./noAlwaysFail";
import { noBroadAuthRule } from "./noBroadAuthRule";
import { noBypass } from "./noBypass";
import { noClusterMesh } from "./noClusterMesh";
import { nodeAttestation } from "./nodeAttestation";
import { noRequiredWhileDisabled } from "./noRequiredWhileDisabled";
import { oneMode } from "./oneMode";
import { oneOwner } from "./oneOwner";
import { order } from "./order";
import { pinnedCluster } from "./pinnedCluster";
import { podSecurity } from "./podSecurity";
import { probesAdmitted } from "./probesAdmitted";
import { protectedNamespaces } from "./protectedNamespaces";
import { shortLivedCallers } from "./shortLivedCallers";
import { sqliteSingleServer } from "./sqliteSingleServer";
import { tcpOnly } from "./tcpOnly";
import { trustDomain } from "./trustDomain";
import { ttlCoherence } from "./ttlCoherence";
import { valuesNotShadowed } from "./valuesNotShadowed";
import { verdictsVisible } from "./verdictsVisible";
import { versionSkew } from "./versionSkew";

/** Every guardrail, in the order in which they are shown: the flag, the cluster, Cilium's values, the policies, other meshes, SPIRE. */
export const guardrails: readonly Guardrail[] = [
  noRequiredWhileDisabled,
  flagAtomic,
  order,
  inPlaceTransition,
  pinnedCluster,
  oneOwner,
  valuesNotShadowed,
  ciliumVersion,
  noClusterMesh,
  handshakePossible,
  handshakePort,
  encrypted,
  enforcementMode,
  httpEnforced,
  probesAdmitted,
  verdictsVisible,
  protectedNamespaces,
  demandInRequire,
  closedNamespaces,
  denyWithAllow,
  noBypass,
  denyAllDenies,
  noBroadAuthRule,
  identifiablePeers,
  tcpOnly,
  oneMode,
  noAlwaysFail,
  httpRulesHold,
  knownKinds,
  authConsumed,
  shortLivedCallers,
  istioCallers,
  istioStrict,
  linkerdCallers,
  linkerdRoutes,
  linkerdDefault,
  trustDomain,
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
