import { join } from "node:path";
import { loadConfig } from "../../components/config/load";
import type { StackConfig } from "../../components/config/schema";
import { readStackFile } from "../../components/config/stackFile";
import { plan, type Plan } from "../../components/plan";
import { previousFor, type Origin, type Previous } from "../../components/rollout/state";
import { factsOfPlan, type Facts } from "../../policy/facts";

/** The project's directory. */
export const root = join(__dirname, "..", "..");

export const stacks = ["infra", "apps"] as const;

/** Every update that a stack sees: from nothing, with the flag as it was, and with the flag changed. */
export const transitions: readonly { name: string; from: Origin; auth: boolean }[] = [
  { name: "new-on", from: "new", auth: true },
  { name: "new-off", from: "new", auth: false },
  { name: "on-on", from: "on", auth: true },
  { name: "on-off", from: "on", auth: false },
  { name: "off-on", from: "off", auth: true },
];

/** A committed stack's configuration, with assignments as `--set` takes them. */
export function configOf(stack: string, ...assignments: string[]): StackConfig {
  return loadConfig(readStackFile(root, stack, assignments), stack);
}

/** One transition of a committed stack, with assignments as `--set` takes them. */
export function transitionOf(
  stack: string,
  { from, auth }: { from: Origin; auth: boolean },
  ...assignments: string[]
): { config: StackConfig; previous: Previous; plan: Plan } {
  const config = configOf(stack, `auth=${auth}`, ...assignments);
  const previous = previousFor(from, config);
  return { config, previous, plan: plan(config, previous) };
}

/** Facts that every guardrail passes: the stack apps with authentication on, and with a digest for the one image of which none is recorded. */
export function goodFacts(): Facts {
  const { config, previous, plan } = transitionOf(
    "apps",
    { from: "on", auth: true },
    `spire.images.controllerManager=ghcr.io/spiffe/spire-controller-manager:0.7.0@sha256:${"0".repeat(64)}`,
  );
  return factsOfPlan(
    { name: "apps", peers: [{ name: "infra", trustDomain: "infra.zt.internal" }] },
    config,
    plan,
    previous,
  );
}
