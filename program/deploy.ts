import type * as pulumi from "@pulumi/pulumi";
import { clusterProvider } from "./provider";
import type { StackConfig } from "../core/schema/schema";
import { plan } from "../plan/plan";
import { clearWayOff, readKnown, readWayOff, registerPlan } from "./program";
import { preflight } from "./preflight";

/**
 * Everything for one cluster, in the order that keeps its traffic up on the way on and on the way off, judged by the guardrails before anything is registered.
 *
 * @param config as loadConfig reads it
 * @param provider the cluster's, with what clusterProvider says of it; one is made where none is given, once the guardrails hold
 * @returns what must be the stack's outputs, by these names: the next update begins with them, and without them takes itself for the first
 * @throws RunError where a guardrail is violated; in a preview only once everything is registered, so that it shows the whole plan and fails
 *
 * @example
 * const config = loadConfig(
 *   {
 *     auth: true,
 *     trustDomain: "apps.zt.internal",
 *     cluster: {
 *       name: "apps",
 *       context: "apps",
 *       identity: "00000000-0000-0000-0000-000000000000",
 *       kubernetes: "1.34",
 *       cilium: { version: "1.19.3", delivery: "flux" },
 *     },
 *     rollout: { phases: { orders: "observe" } },
 *     access: [
 *       {
 *         name: "api",
 *         target: { namespace: "orders", selector: { app: "api" } },
 *         port: 8080,
 *         callers: [{ namespace: "web", serviceAccount: "frontend" }],
 *       },
 *     ],
 *   },
 *   pulumi.getStack(),
 * );
 * export = () => deploy(config);
 */
export async function deploy(
  config: StackConfig,
  provider?: pulumi.ProviderResource,
): Promise<ReturnType<typeof registerPlan>> {
  const known = await readKnown(config);
  const update = plan(config, known.previous);
  const wayOff = await readWayOff(config, known, update);

  const refusal = preflight(config, { ...known, notes: [...known.notes, ...wayOff.notes] }, update);
  await clearWayOff(config, wayOff);
  const outputs = registerPlan(update, known.previous, provider ?? clusterProvider(config.cluster), config, wayOff);
  if (refusal) throw refusal;
  return outputs;
}
