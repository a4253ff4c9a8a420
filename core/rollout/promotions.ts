import { phases, type Phase, type StackConfig } from "../schema/schema";
import { lower } from "./phases";
import type { Previous, RolloutState } from "./state";

/** A namespace that the configuration takes further than it has come. */
export interface Promotion {
  readonly namespace: string;
  /** What it may have without another step: `off` where it is new. */
  readonly from: Phase;
  readonly to: Phase;
  /** How many phases it goes at once. */
  readonly steps: number;
}

/** Namespaces that go further with this configuration. Turning authentication off and on again is no step: a namespace keeps what it has earned. */
export function promotionsOf({ rollout }: StackConfig, state: RolloutState | undefined): Promotion[] {
  return Object.entries(rollout.phases).flatMap(([namespace, to]) => {
    const from = earned(state, namespace);
    const steps = phases.indexOf(to) - phases.indexOf(from);
    return steps > 0 ? [{ namespace, from, to, steps }] : [];
  });
}

/**
 * What a namespace has earned after an update. With authentication on that is what is configured, whose steps the guardrails have let pass, though it may wait for
 * Cilium; with it off nothing more than before, but for what is in force.
 */
export function earnedAfter(
  namespace: string,
  configured: Phase,
  inForce: Phase,
  auth: boolean,
  before: RolloutState | undefined,
): Phase {
  return auth ? configured : lower(configured, higher(earned(before, namespace), inForce));
}

/** Namespaces that may go any number of steps if no pods run in them, which has to be known first. */
export const jumps = (config: StackConfig, state: RolloutState | undefined): string[] =>
  promotionsOf(config, state)
    .filter(({ namespace, to, steps }) => (steps > 1 || to === "require") && isGreenfield(config, namespace))
    .map(({ namespace }) => namespace);

/** Whether a promotion needs no proof, since nobody is there who could be cut off: `unknown` where nobody could look. */
export function isEmpty(config: StackConfig, { pods = {} }: Previous, namespace: string): boolean | "unknown" {
  if (!isGreenfield(config, namespace)) return false;
  const running = pods[namespace];
  return running === undefined ? "unknown" : running === 0;
}

const isGreenfield = ({ rollout }: StackConfig, namespace: string) => rollout.greenfield.includes(namespace);
/** What an earlier version of this program recorded has only what was in force. */
const earned = (state: RolloutState | undefined, namespace: string): Phase =>
  state?.earned?.[namespace] ?? state?.phases[namespace] ?? "off";
const higher = (a: Phase, b: Phase): Phase => (lower(a, b) === a ? b : a);
