import type { StackConfig } from "./config/schema";
import { plan } from "./plan";
import type { CiliumState } from "./rollout/phases";
import type { Previous } from "./rollout/state";

/** The transitions that can be shown without a cluster. */
export const origins = ["new", "on", "off"] as const;
export type Origin = (typeof origins)[number];

/**
 * What would be known before an update from an empty cluster, or from one where this configuration is in force with the flag on or off. What only a real history
 * could tell is taken for right: that `rollout.greenfield` has no pods, and that `rollout.resume` is the last off.
 */
export function previousFor(origin: Origin, config: StackConfig): Previous {
  if (origin === "new") {
    const { greenfield } = config.rollout;
    return greenfield.length > 0 ? { pods: Object.fromEntries(greenfield.map((namespace) => [namespace, 0])) } : {};
  }
  const cilium = (state: CiliumState) => (config.mesh ? {} : { cilium: state });
  const on = plan({ ...config, auth: true }, cilium("on")).outputs.rollout;
  if (origin === "on") return { ...cilium("on"), state: on };
  const off = plan({ ...config, auth: false }, { ...cilium("off"), state: on }).outputs.rollout;
  return { ...cilium("off"), state: { ...off, offs: config.rollout.resume ?? 0 } };
}
