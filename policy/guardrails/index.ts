import type { Guardrail } from "../rules/guardrail";
import { agentsAttestOnce } from "./agentsAttestOnce";
import { agentsEverywhere } from "./agentsEverywhere";
import { agentsFindServer } from "./agentsFindServer";
import { agentsRecover } from "./agentsRecover";
import { authConsumed } from "./authConsumed";
import { blastRadius } from "./blastRadius";
import { bundledSpire } from "./bundledSpire";
import { bundleRefresh } from "./bundleRefresh";
import { certificatesIssuable } from "./certificatesIssuable";
import { certificatesValid } from "./certificatesValid";
import { ciliumAccounts } from "./ciliumAccounts";
import { ciliumVersion } from "./ciliumVersion";
import { closedNamespaces } from "./closedNamespaces";
import { delegateWiring } from "./delegateWiring";
import { demandInRequire } from "./demandInRequire";
import { denyAllDenies } from "./denyAllDenies";
import { denyWithAllow } from "./denyWithAllow";
import { encrypted } from "./encrypted";
import { enforcementMode } from "./enforcementMode";
import { entryLifetimes } from "./entryLifetimes";
import { entryOwnership } from "./entryOwnership";
import { evidence } from "./evidence";
import { federation } from "./federation";
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
import { kubeletVerified } from "./kubeletVerified";
import { labDatabase } from "./labDatabase";
import { leastPrivilege } from "./leastPrivilege";
import { linkerdAnchors } from "./linkerdAnchors";
import { linkerdCallers } from "./linkerdCallers";
import { linkerdDefault } from "./linkerdDefault";
import { linkerdRoutes } from "./linkerdRoutes";
import { meshValid } from "./meshValid";
import { noAdminEntries } from "./noAdminEntries";
import { noAlwaysFail } from "./noAlwaysFail";
import { noBroadAuthRule } from "./noBroadAuthRule";
import { noBypass } from "./noBypass";
import { noClusterMesh } from "./noClusterMesh";
import { nodeAttestation } from "./nodeAttestation";
import { noRequiredWhileDisabled } from "./noRequiredWhileDisabled";
import { oneMode } from "./oneMode";
import { oneOwner } from "./oneOwner";
import { oneSpire } from "./oneSpire";
import { oneStack } from "./oneStack";
import { oneStep } from "./oneStep";
import { order } from "./order";
import { pinnedCluster } from "./pinnedCluster";
import { podSecurity } from "./podSecurity";
import { probesAdmitted } from "./probesAdmitted";
import { protectedNamespaces } from "./protectedNamespaces";
import { resume } from "./resume";
import { serverAddress } from "./serverAddress";
import { serverSidecar } from "./serverSidecar";
import { shortLivedCallers } from "./shortLivedCallers";
import { socketDirectories } from "./socketDirectories";
import { spireChoices } from "./spireChoices";
import { spireNeeded } from "./spireNeeded";
import { spireOptions } from "./spireOptions";
import { spireSize } from "./spireSize";
import { spireStateKept } from "./spireStateKept";
import { sqliteSingleServer } from "./sqliteSingleServer";
import { storageClass } from "./storageClass";
import { tcpOnly } from "./tcpOnly";
import { trustDomain } from "./trustDomain";
import { ttlCoherence } from "./ttlCoherence";
import { valuesNotShadowed } from "./valuesNotShadowed";
import { verdictsVisible } from "./verdictsVisible";
import { versionSkew } from "./versionSkew";
import { webhookFailsOpen } from "./webhookFailsOpen";
import { ztunnelAlone } from "./ztunnelAlone";

/** Every guardrail, in the order in which they are shown: the flag, the cluster, Cilium's values, the policies, other meshes, SPIRE, certificates. */
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
  oneOwner,
  valuesNotShadowed,
  ciliumVersion,
  noClusterMesh,
  handshakePossible,
  handshakePort,
  encrypted,
  ztunnelAlone,
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
  meshValid,
  trustDomain,
  spireChoices,
  spireNeeded,
  oneSpire,
  delegateWiring,
  serverAddress,
  socketDirectories,
  ciliumAccounts,
  noAdminEntries,
  entryOwnership,
  federation,
  nodeAttestation,
  kubeletVerified,
  agentsFindServer,
  agentsRecover,
  agentsAttestOnce,
  agentsEverywhere,
  serverSidecar,
  bundledSpire,
  leastPrivilege,
  podSecurity,
  webhookFailsOpen,
  versionSkew,
  spireOptions,
  sqliteSingleServer,
  labDatabase,
  spireSize,
  spireStateKept,
  storageClass,
  ttlCoherence,
  entryLifetimes,
  bundleRefresh,
  imagesPinned,
  certificatesValid,
  certificatesIssuable,
  linkerdAnchors,
];
