import { phases } from "../../../core/schema/schema";
import type { Guardrail } from "../../rules/guardrail";

export const spireNeeded: Guardrail = {
  name: "spire-needed",
  description: "This stack's SPIRE goes only after an update that turned authentication off.",
  severity: "mandatory",
  prevents:
    "Callers that nobody can authenticate any more: without SPIRE the certificates expire within hours, and with them every pair that a rule with mode required admits (talos-homelab took SPIRE away with its agents still asking for it).",
  remediation: "Set auth to false, update, then change spire.install and update again.",
  blocksOff: false,
  checkStack: ({ config: { auth, spire }, previous }) => {
    const state = previous === "unknown" ? undefined : previous.state;
    if (state?.spire === undefined || spire.install === "managed" || !(auth || state.auth)) return [];
    const demanding = Object.keys(state.phases).filter((namespace) => state.phases[namespace] === phases.at(-1));
    const who = demanding.length > 0 ? `${demanding.join(", ")} demand authentication` : "authentication is on";
    const message = `is ${spire.install}, which takes away SPIRE ${state.spire} while ${who}; set auth to false first, and change it in the update after that`;
    return [{ where: "zero-trust:spire.install", message }];
  },
  undecided: ({ config, previous }) =>
    previous === "unknown" && config.spire.install !== "managed"
      ? "whether it takes a SPIRE away: there is no deployed state to compare with"
      : undefined,
};
