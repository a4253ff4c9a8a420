import { type CiliumState, type Previous, type RolloutState } from "./state";
import { phases, type Phase, type StackConfig } from "../schema/schema";

/** The lower of two phases: off < observe < allow < require. */
export function lower(a: Phase, b: Phase): Phase {
  return phases[Math.min(phases.indexOf(a), phases.indexOf(b))] ?? "off";
}

/**
 * What the flag leaves of a phase. With authentication off a namespace keeps its allow rules and its default deny, and demands nothing else. Where callers are told by
 * nothing but their certificates, as in Istio and Linkerd, nobody can be denied without.
 *
 * @param byCertificate whether callers are told by their certificates alone
 */
export function effectivePhase(configured: Phase, auth: boolean, byCertificate = false): Phase {
  return auth ? configured : lower(configured, byCertificate ? "observe" : "allow");
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
 * Decides one namespace's phase. A rule that demands authentication from a Cilium that does no handshake drops every new connection (while
 * `mesh-auth-enabled` is false, the datapath still asks for one), so a namespace gets to `require` only once Cilium is `on`, and leaves it when Cilium
 * is `off`; where another mesh authenticates, it is `not there`. A node that is away or rolling is no reason to leave it. The update that turns authentication off takes no namespace further than it was: what
 * else was written meanwhile waits for the next one.
 *
 * @param turnsOff whether the update turns authentication off
 */
export function phaseChange(
  namespace: string,
  configured: Phase,
  from: Phase | undefined,
  auth: boolean,
  cilium: CiliumState | "not there",
  turnsOff = false,
): PhaseChange {
  const flagged = effectivePhase(configured, auth, cilium === "not there");
  const effective = turnsOff ? lower(flagged, from ?? "off") : flagged;
  const waits = effective === "require" && (cilium === "off" || (cilium === "rolling" && from !== "require"));
  const because =
    effective !== flagged
      ? "this update turns auth off, and only relaxes"
      : flagged !== configured
        ? "auth is off"
        : waits
          ? "Cilium is not known to authenticate on every node yet: update again once it does"
          : undefined;
  return { namespace, from, configured, to: waits ? "allow" : effective, because };
}

/** Whether an update turns off what was on. */
export const turnsOff = ({ auth }: StackConfig, { state }: Previous): boolean => state?.auth === true && !auth;

/** Whether an update makes the stack's release of Cilium for the first time: it brings the network, and its operator the kinds that policies are of. */
export const installsCilium = ({ cluster }: StackConfig, previous: Previous): boolean =>
  cluster.cilium?.delivery === "helm" && isFirst(previous);

/** Whether nothing was deployed before, and Cilium is not there. */
export const isFirst = ({ state, cilium = "off" }: Previous): boolean => state === undefined && cilium === "off";

/** What an update makes of each namespace's phase. */
export function phaseChanges(config: StackConfig, previous: Previous): PhaseChange[] {
  const { state } = previous;
  const { auth, rollout, mesh } = config;
  const cilium = mesh ? "not there" : (previous.cilium ?? "off");
  return Object.entries(rollout.phases).map(([namespace, phase]) =>
    phaseChange(namespace, phase, state?.phases[namespace], auth, cilium, turnsOff(config, previous)),
  );
}

/** Whether an update turns authentication off, as far as is known: nothing may stop that, or hold it up. */
export const mayTurnOff = ({ auth }: StackConfig, state: RolloutState | undefined): boolean =>
  !auth && state?.auth !== false;
