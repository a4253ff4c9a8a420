import { join } from "node:path";
import { loadConfig } from "../../config/load";
import type { StackConfig } from "../../core/schema/schema";
import { readStackFile } from "../../config/stackFile";
import { plan, type Plan } from "../../plan/plan";
import { previousFor, type Origin } from "../../plan/origins";
import type { Previous } from "../../core/rollout/state";
import { factsOfPlan, type Facts } from "../../policy/facts/facts";

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

/** Assignments that make Cilium a Helm release of the stack's own. */
export const helm = ["cluster.cilium.delivery=helm", "cluster.cilium.valuesFile=test/fixtures/cilium-values.yaml"];

/** A committed stack's configuration, with assignments as `--set` takes them. */
export function configOf(stack: string, ...assignments: string[]): StackConfig {
  return loadConfig(readStackFile(root, stack, assignments), stack, { directory: root });
}

/** Why the stack apps cannot have these assignments; `none` where it can. */
export function problemOf(...assignments: string[]): string {
  try {
    configOf("apps", ...assignments);
    return "none";
  } catch (error) {
    return String(error);
  }
}

/** One transition of a committed stack, with assignments as `--set` takes them. */
export function transitionOf(
  stack: string,
  { from, auth }: { from: Origin; auth: boolean },
  assignments: readonly string[] = [],
): { config: StackConfig; previous: Previous; plan: Plan } {
  const config = configOf(stack, ...assignments, `auth=${auth}`);
  const previous = previousFor(from, config);
  return { config, previous, plan: plan(config, previous) };
}

/** The facts of one transition of a committed stack. */
export function transitionFacts(
  transition: { from: Origin; auth: boolean },
  assignments: readonly string[] = [],
  name: (typeof stacks)[number] = "apps",
): Facts {
  const { config, previous, plan } = transitionOf(name, transition, assignments);
  const others = stacks.filter((other) => other !== name);
  const peers = others.map((other) => ({ name: other, trustDomain: `${other}.zt.internal` }));
  return factsOfPlan({ name, peers }, config, plan, previous);
}

/** A digest for the one image of which none is recorded. */
const pinned = `spire.images.controllerManager=ghcr.io/spiffe/spire-controller-manager:0.7.0@sha256:${"0".repeat(64)}`;

/** What the facts that every guardrail passes have beside the stack file. */
export const goodAssignments = [pinned];

/** Facts that every guardrail passes, but for advice about the version of Cilium: the stack apps, with authentication on and staying so unless told otherwise. */
export const goodFacts = (
  transition: { from: Origin; auth: boolean } = { from: "on", auth: true },
  assignments: readonly string[] = goodAssignments,
): Facts => transitionFacts(transition, ["spire.storage.className=local", ...assignments]);
