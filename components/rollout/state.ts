import * as z from "zod";
import { phases, type StackConfig } from "../config/schema";
import { effectivePhase } from "./phases";

const recorded = z.object({
  auth: z.boolean(),
  trustDomain: z.string(),
  phases: z.record(z.string(), z.enum(phases)),
});

/** What a finished update leaves behind, as the stack output `rollout`. */
export type RolloutState = Readonly<z.output<typeof recorded>>;

/** What is known before an update: nothing on the first run. */
export interface Previous {
  /** The last finished update. Undefined before the first. */
  readonly state?: RolloutState;
  /** Whether Cilium is known to run with authentication on: its configuration says so and its pods have rolled. */
  readonly authenticating?: boolean;
}

/** The state in a stack output; undefined for none, and for one that this version cannot read. */
export function readState(output: unknown): RolloutState | undefined {
  const { success, data } = recorded.safeParse(output);
  return success ? data : undefined;
}

/** The transitions that can be shown without a cluster. */
export const origins = ["new", "on", "off"] as const;
export type Origin = (typeof origins)[number];

/** What would be known before an update from an empty cluster, or from one where this configuration is in force with the flag on or off. */
export function previousFor(origin: Origin, config: StackConfig): Previous {
  if (origin === "new") return {};
  const auth = origin === "on";
  return {
    authenticating: auth,
    state: {
      auth,
      trustDomain: config.trustDomain,
      phases: Object.fromEntries(
        Object.entries(config.rollout.phases).map(([namespace, phase]) => [namespace, effectivePhase(phase, auth)]),
      ),
    },
  };
}
