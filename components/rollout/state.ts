import * as z from "zod";
import { phases, type StackConfig } from "../config/schema";
import { ciliumStates, effectivePhase } from "./phases";

const recorded = z.object({
  auth: z.boolean(),
  trustDomain: z.string(),
  phases: z.record(z.string(), z.enum(phases)),
});

/** What a finished update leaves behind, as the stack output `rollout`. */
export type RolloutState = Readonly<z.output<typeof recorded>>;

const known = z.object({
  state: recorded.exactOptional(),
  cilium: z.enum(ciliumStates).exactOptional(),
});

/**
 * What is known before an update: nothing on the first run.
 *
 * - `state`: the last finished update
 * - `cilium`: how far Cilium is with authentication
 */
export type Previous = Readonly<z.output<typeof known>>;

/** The state in a stack output; undefined for none, and for one that this version cannot read. */
export function readState(output: unknown): RolloutState | undefined {
  return recorded.safeParse(output).data;
}

/** What the program knew, as its component Rollout tells it; undefined where there is no such component. */
export function readPrevious(output: unknown): Previous | undefined {
  return known.safeParse(output).data;
}

/** The transitions that can be shown without a cluster. */
export const origins = ["new", "on", "off"] as const;
export type Origin = (typeof origins)[number];

/** What would be known before an update from an empty cluster, or from one where this configuration is in force with the flag on or off. */
export function previousFor(origin: Origin, config: StackConfig): Previous {
  if (origin === "new") return {};
  const auth = origin === "on";
  return {
    cilium: auth ? "on" : "off",
    state: {
      auth,
      trustDomain: config.trustDomain,
      phases: Object.fromEntries(
        Object.entries(config.rollout.phases).map(([namespace, phase]) => [namespace, effectivePhase(phase, auth)]),
      ),
    },
  };
}
