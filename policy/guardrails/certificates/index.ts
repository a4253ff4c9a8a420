import type { Guardrail } from "../../rules/guardrail";
import { certificatesIssuable } from "./certificatesIssuable";
import { certificatesValid } from "./certificatesValid";
import { linkerdAnchors } from "./linkerdAnchors";

/** What cert-manager is asked to issue. */
export const certificates: readonly Guardrail[] = [certificatesValid, certificatesIssuable, linkerdAnchors];
