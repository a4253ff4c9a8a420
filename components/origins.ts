import type { StackConfig } from "./config/schema";
import { plan } from "./plan";
import type { Previous } from "./rollout/state";

/** The transitions that can be shown without a cluster. */
export const origins = ["new", "on", "off"] as const;
export type Origin = (typeof origins)[number];

/** What would be known before an update from an empty cluster, or from one where this configuration is in force with the flag on or off. */
export function previousFor(origin: Origin, config: StackConfig): Previous {
  if (origin === "new") return {};
  const auth = origin === "on";
  const cilium = auth ? "on" : "off";
  return { cilium, state: plan({ ...config, auth }, { cilium }).outputs.rollout };
}
