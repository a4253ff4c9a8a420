import * as pulumi from "@pulumi/pulumi";
import type { RunError } from "@pulumi/pulumi";
import type { StackConfig } from "../core/schema/schema";
import { accessStateOf, type Plan } from "../plan/plan";
import type { Known } from "./known";
import { phaseLines } from "../core/util/sayOnce";
import { accessNews } from "./lastAccess";
import { factsOfPlan } from "../policy/facts/facts";
import { judge, messagesOf, type Severity } from "../policy/rules/guardrail";
import { guardrails } from "../policy/guardrails";
import { stackFacts } from "../policy/facts/stackFacts";
import { inForce, today, waiverNotes } from "../policy/rules/waivers";
import { userError } from "./userError";

/**
 * Judges the plan before anything is registered, so that forgetting `--policy-pack` skips nothing. Advice goes to the log.
 *
 * @returns in a preview, what an update would stop at: to be thrown once everything is registered, so that the preview shows the whole plan and fails
 * @throws RunError in an update that may not be
 */
export function preflight(config: StackConfig, known: Known, plan: Plan): RunError | undefined {
  const stack = stackFacts(".", pulumi.getStack(), config);
  const day = today();
  const verdicts = judge(inForce(guardrails, config, day), factsOfPlan(stack, config, plan, known.previous));
  const found = (level: Severity) =>
    verdicts.flatMap(({ guardrail, violations }) =>
      messagesOf(
        guardrail,
        violations.filter(({ severity }) => severity === level),
      ),
    );
  const errors = [...known.errors, ...found("mandatory")];
  const warnings = [...waiverNotes(guardrails, config, day), ...found("advisory")];

  const refusal = errors.length > 0 ? userError(errors.join("\n")) : undefined;
  if (refusal && !pulumi.runtime.isDryRun()) throw refusal;
  for (const warning of warnings) void pulumi.log.warn(warning);
  const news = accessNews(known.previous.state === undefined, known.lastAccess, accessStateOf(config, plan));
  const notes = [...known.notes, ...plan.notes, ...describePhases(plan.phases), ...(news ? [news] : [])];
  for (const note of notes) void pulumi.log.info(note);
  return refusal;
}

/** What becomes of phases, or why some stay below what is configured. */
function describePhases(changes: Plan["phases"]): string[] {
  const moved = changes.filter(({ from, to, because }) => from !== to || because !== undefined);
  return phaseLines(
    moved.map(({ namespace, from, to, configured, because }) => {
      const change = from === to ? `stays ${to}` : `${from ?? "new"} -> ${to}`;
      return { namespace, change: `${change}${because ? ` (${configured} is configured; ${because})` : ""}` };
    }),
  );
}
