import type { Phase, StackConfig } from "../../core/schema/schema";
import { effectivePhase } from "../../core/rollout/phases";

/** The phase of a namespace whose callers another mesh than Cilium tells, as the flag leaves it; undefined where Cilium does. */
export function meshPhaseOf({ auth, mesh, rollout }: StackConfig, namespace = "default"): Phase | undefined {
  if (!mesh) return undefined;
  return effectivePhase(Object.hasOwn(rollout.phases, namespace) ? rollout.phases[namespace]! : "off", auth, true);
}
