import type { Guardrail } from "../../rules/guardrail";
import { authConsumed } from "./authConsumed";
import { closedNamespaces } from "./closedNamespaces";
import { demandInRequire } from "./demandInRequire";
import { denyAllDenies } from "./denyAllDenies";
import { denyWithAllow } from "./denyWithAllow";
import { httpRulesHold } from "./httpRulesHold";
import { identifiablePeers } from "./identifiablePeers";
import { knownKinds } from "./knownKinds";
import { noAlwaysFail } from "./noAlwaysFail";
import { noBroadAuthRule } from "./noBroadAuthRule";
import { noBypass } from "./noBypass";
import { oneMode } from "./oneMode";
import { protectedNamespaces } from "./protectedNamespaces";
import { shortLivedCallers } from "./shortLivedCallers";
import { tcpOnly } from "./tcpOnly";

/** Cilium's network policies: who may call, and who has to authenticate. */
export const access: readonly Guardrail[] = [
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
];
