import { phases, type Phase } from "../config/schema";

/** The lower of two phases: off < observe < allow < require. */
export function lower(a: Phase, b: Phase): Phase {
  return phases[Math.min(phases.indexOf(a), phases.indexOf(b))] ?? "off";
}

/** What the flag leaves of a phase. With authentication off a namespace keeps its allow rules and its default deny, and demands nothing else. */
export function effectivePhase(configured: Phase, auth: boolean): Phase {
  return auth ? configured : lower(configured, "allow");
}

/** One namespace's phase: where it was, what the configuration asks for, what this update makes of it. */
export interface PhaseChange {
  readonly namespace: string;
  /** Undefined on the first run, and for a namespace that is new. */
  readonly from: Phase | undefined;
  readonly configured: Phase;
  readonly to: Phase;
  /** Why `to` is less than what is configured; undefined when it is not. */
  readonly because: string | undefined;
}

/**
 * @param authenticating whether Cilium is known to run with authentication on; a `required` rule before that drops every new connection
 *   (facts: Cilium does no handshake while `mesh-auth-enabled` is false, and the datapath still asks for one)
 */
export function phaseChange(
  namespace: string,
  configured: Phase,
  from: Phase | undefined,
  auth: boolean,
  authenticating: boolean,
): PhaseChange {
  const effective = effectivePhase(configured, auth);
  const waits = effective === "require" && !authenticating;
  const because =
    effective !== configured
      ? "auth is off"
      : waits
        ? "Cilium is not known to authenticate yet; the next update after its pods have rolled goes on to require"
        : undefined;
  return { namespace, from, configured, to: waits ? "allow" : effective, because };
}
