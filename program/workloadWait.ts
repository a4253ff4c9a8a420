import { setTimeout } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { StackConfig } from "../core/schema/schema";
import type { KubernetesObject } from "../core/util/kubernetes";
import type { Plan } from "../plan/plan";
import { askWorkload } from "../live/probes/workload";
import { mayTurnOff } from "../core/rollout/phases";
import { textOf, untilSettled } from "../core/util/settled";
import type { Previous } from "../core/rollout/state";
import { notReady, patienceFor, workloadOf } from "../core/rollout/workloads";
import { userError } from "./userError";

/**
 * What this program waits for after the provider has made or changed an object of SPIRE's: a workload whose pods are ready and run what it says. The provider's word is
 * not enough, see docs/pulumi.md.
 *
 * @returns for each object the wait that comes after it, if any; undefined where nothing is waited for: in a preview, and in an update that may turn authentication off
 */
export function waitForSpire(config: StackConfig, plan: Plan, previous: Previous) {
  if (pulumi.runtime.isDryRun() || mayTurnOff(config, previous.state)) return undefined;
  const { limits, ends } = patienceFor(plan.outputs.rollout, previous.state);
  const { context } = config.cluster;
  const tell = (what: string) => void pulumi.log.info(`waiting for SPIRE: ${what}`, undefined, undefined, true);
  return (manifest: KubernetesObject): (() => Promise<void>) | undefined => {
    const workload = workloadOf(manifest);
    if (!workload) return undefined;
    return async () => {
      const left = await untilSettled(() => askWorkload(context, workload), limits, tell, setTimeout);
      if (left === undefined) return;
      if (ends && "what" in left) throw userError(notReady(workload, textOf(left)));
      void pulumi.log.warn(`SPIRE is not known to be ready: ${textOf(left)}. Going on.`);
    };
  };
}
