import type { StackConfig } from "../core/schema/schema";
import { writesMarks } from "../components/access/meshMarks";
import { plan } from "./plan";
import type { CiliumState, Previous } from "../core/rollout/state";

/** The transitions that can be shown without a cluster. */
export const origins = ["new", "on", "off"] as const;
export type Origin = (typeof origins)[number];

/**
 * What would be known before an update from an empty cluster, or from one where this configuration is in force with the flag on or off. What only a real history
 * could tell is taken for right: that `rollout.greenfield` has no pods, that `rollout.resume` is the last off, and that namespaces are there and nobody has them in Git.
 */
export function previousFor(origin: Origin, config: StackConfig): Previous {
  const all = Object.keys(config.rollout.phases);
  const isOurs = config.mesh && writesMarks(config.mesh);
  const namespaces: Previous = isOurs ? { namespaces: Object.fromEntries(all.map((name) => [name, "ours"])) } : {};
  if (origin === "new") {
    const { greenfield } = config.rollout;
    const pods = Object.fromEntries(greenfield.map((namespace) => [namespace, 0]));
    return { ...namespaces, ...(greenfield.length > 0 ? { pods } : {}) };
  }
  const cilium = (state: CiliumState): Previous =>
    config.cluster.cilium ? { ...namespaces, cilium: state } : namespaces;
  const on = plan({ ...config, auth: true }, cilium("on")).outputs.rollout;
  if (origin === "on") return { ...cilium("on"), state: on };
  const off = plan({ ...config, auth: false }, { ...cilium("off"), state: on }).outputs.rollout;
  return { ...cilium("off"), state: { ...off, offs: config.rollout.resume ?? 0 } };
}
