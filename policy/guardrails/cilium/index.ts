import type { Guardrail } from "../../rules/guardrail";
import { ciliumVersion } from "./ciliumVersion";
import { encrypted } from "./encrypted";
import { enforcementMode } from "./enforcementMode";
import { handshakePort } from "./handshakePort";
import { handshakePossible } from "./handshakePossible";
import { httpEnforced } from "./httpEnforced";
import { noClusterMesh } from "./noClusterMesh";
import { probesAdmitted } from "./probesAdmitted";
import { verdictsVisible } from "./verdictsVisible";
import { ztunnelAlone } from "./ztunnelAlone";

/** Cilium's version, and the values of its chart. */
export const cilium: readonly Guardrail[] = [
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
];
