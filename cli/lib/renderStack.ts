import type { Change } from "../../core/access/difference";
import { loadConfig } from "../../config/load";
import type { StackConfig } from "../../core/schema/schema";
import { readStackFile } from "../../config/stackFile";
import { plan, type Plan } from "../../plan/plan";
import { previousFor, type Origin } from "../../plan/origins";
import { factsOfPlan } from "../../policy/facts/facts";
import { judge, type Verdict } from "../../policy/rules/guardrail";
import { guardrails } from "../../policy/guardrails";
import { stackFacts } from "../../policy/facts/stackFacts";
import { inForce, today, waiverNotes } from "../../policy/rules/waivers";

/** One stack as it would be deployed, and what the guardrails say of it. */
export interface RenderedStack {
  readonly name: string;
  /** The transition shown; undefined for the state that the stack file describes. */
  readonly from: Origin | undefined;
  readonly config: StackConfig;
  readonly plan: Plan;
  readonly verdicts: readonly Verdict[];
  /** What is said of the severities that the stack file changes. */
  readonly waivers: readonly string[];
  /** Who gains and who loses access, where that was asked for. */
  readonly difference?: Difference;
}

/**
 * @param directory the project's, with the stack files
 * @param assignments `KEY=VALUE` each, on top of the stack file
 * @throws ConfigError
 */
export function renderStack(
  directory: string,
  name: string,
  assignments: readonly string[],
  from: Origin | undefined,
): RenderedStack {
  const config = loadConfig(readStackFile(directory, name, assignments), name, { directory });
  const previous = previousFor(from ?? (config.auth ? "on" : "off"), config);
  const update = plan(config, previous);
  const stack = stackFacts(directory, name, config);
  // Without a transition there is no baseline: rules about changes must not pass for want of one.
  const facts = factsOfPlan(stack, config, update, from === undefined ? "unknown" : previous);
  const day = today();
  const verdicts = judge(inForce(guardrails, config, day), facts);
  return { name, from, config, plan: update, verdicts, waivers: waiverNotes(guardrails, config, day) };
}

/** Where a stack's access is compared with that of an earlier revision. */
export interface Difference {
  /** The revision as it was asked for, and its commit. */
  readonly base: string;
  readonly commit: string;
  /** What the reader should know: that the stack is new, say. */
  readonly note?: string;
  /** Undefined where the base's configuration cannot be read; then `note` says why. */
  readonly changes?: readonly Change[];
}
