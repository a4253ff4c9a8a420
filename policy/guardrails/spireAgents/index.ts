import type { Guardrail } from "../../rules/guardrail";
import { agentsAttestOnce } from "./agentsAttestOnce";
import { agentsEverywhere } from "./agentsEverywhere";
import { agentsFindServer } from "./agentsFindServer";
import { agentsRecover } from "./agentsRecover";
import { kubeletVerified } from "./kubeletVerified";
import { nodeAttestation } from "./nodeAttestation";

/** SPIRE's agents, and who is a node. */
export const spireAgents: readonly Guardrail[] = [
  nodeAttestation,
  kubeletVerified,
  agentsFindServer,
  agentsRecover,
  agentsAttestOnce,
  agentsEverywhere,
];
