import type { Policies, ReportViolation, ResourceValidationArgs, StackValidationArgs } from "@pulumi/policy";
import { describeObject } from "../../core/util/kubernetes";
import type { Facts } from "../facts/facts";
import { messagesOf, violationsOf, type Guardrail, type Severity } from "../rules/guardrail";
import { OutOfSight } from "./outOfSight";
import { factsOfResources, objectOf } from "./packFacts";
import { inForce, today, waiverNotes } from "../rules/waivers";

/** What a stack is judged by, beside what the engine shows of it. */
export type Basis = Pick<Facts, "stack" | "config">;

/** A configuration that cannot be read: what to say of it, and whether that stops an update. */
export interface Unreadable {
  readonly unreadable: string;
  readonly severity: Severity;
}

/** The stack that the engine runs; undefined for one that is none of this program's. */
export type StackReader = () => Basis | Unreadable | undefined;

/**
 * The guardrails as a policy that judges each object, so that it is stopped before it is touched, and in the end the whole stack; and one for what only warns, since
 * a policy has one level for good. Not a policy for each: the SDK decodes every resource anew for each policy, which for a thousand took half a minute.
 *
 * @param readStack is called once, and late: the engine hands the configuration to the pack only after the pack has started
 */
export function policiesOf(guardrails: readonly Guardrail[], readStack: StackReader): Policies {
  const read = once(readStack);
  return [
    {
      name: "guardrails",
      description:
        "What has taken clusters down is not deployed: docs/guardrails.md says of each guardrail why, and what to do.",
      enforcementLevel: "mandatory",
      validateResource: reportObject(guardrails.map(withoutStack), read),
      validateStack: reportStack(guardrails.map(withoutObjects), "mandatory", read),
    },
    {
      name: "advice",
      description:
        "What the guardrails advise, and what they would stop if this update did not turn authentication off.",
      enforcementLevel: "advisory",
      validateStack: (args, report) => {
        const basis = read();
        if (basis && "config" in basis) for (const note of waiverNotes(guardrails, basis.config, today())) report(note);
        reportStack(guardrails, "advisory", read)(args, report);
      },
    },
  ];
}

const withoutObjects = ({ checkObject: _, ...guardrail }: Guardrail): Guardrail => guardrail;
const withoutStack = ({ checkStack: _, ...guardrail }: Guardrail): Guardrail => guardrail;

function once(readStack: StackReader): StackReader {
  let read: { readonly stack: ReturnType<StackReader> } | undefined;
  return () => (read ??= { stack: readStack() }).stack;
}

/** Judges one object. What is unknown in an object that decides is a violation: a policy that meets an unknown would be turned into advice. */
function reportObject(guardrails: readonly Guardrail[], read: StackReader) {
  return (args: ResourceValidationArgs, report: ReportViolation): void => {
    const object = isLeftAlone(args) ? undefined : objectOf(args);
    const basis = read();
    if (!object || !basis || "unreadable" in basis) return;
    const nothing = { releases: [], components: [], edges: [], providers: [], previous: "unknown" } as const;
    const facts = { ...basis, ...nothing, objects: [object.manifest] };
    const readers = guardrails.filter(({ reads }) => reads?.(object.manifest));
    for (const guardrail of inForce(readers, basis.config, today())) {
      const stops = guardrail.severity === "mandatory" && (basis.config.auth || guardrail.blocksOff);
      if (object.unknown.length > 0 && stops)
        report(
          `${guardrail.name}: ${describeObject(object.manifest)} must be known at preview: ${object.unknown.join(", ")}`,
        );
      for (const message of said(guardrail, facts, "mandatory")) report(message);
    }
  };
}

/** Whether nothing of a resource is written: what the program does with the record of an object that is missing while authentication is turned off. */
const isLeftAlone = ({ opts }: ResourceValidationArgs) => opts.ignoreChanges.includes("*");

/** Judges the whole stack; reports what counts as the given level. */
function reportStack(guardrails: readonly Guardrail[], level: Severity, read: StackReader) {
  return ({ resources }: StackValidationArgs, report: ReportViolation): void => {
    const basis = read();
    if (!basis) return;
    if ("unreadable" in basis) {
      if (basis.severity === level) report(basis.unreadable);
      return;
    }
    const facts = factsOfResources(basis, resources);
    for (const guardrail of inForce(guardrails, basis.config, today()))
      for (const message of said(guardrail, facts, level)) report(message);
  };
}

/** What a guardrail finds that counts as the given level, or as advice why it cannot decide from where the pack runs. */
function said(guardrail: Guardrail, facts: Facts, level: Severity): string[] {
  try {
    const found = violationsOf(guardrail, facts).filter(({ severity }) => severity === level);
    return messagesOf(guardrail, found);
  } catch (error) {
    if (!(error instanceof OutOfSight)) throw error;
    return level === "advisory" ? [`${guardrail.name}: is not decided here: ${error.message}`] : [];
  }
}
