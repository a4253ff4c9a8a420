import type { Policies, ReportViolation, ResourceValidationArgs, StackValidationArgs } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { loadEngineConfig } from "../components/config/engine";
import { ConfigError } from "../components/config/load";
import { describeObject } from "../components/kubernetes";
import type { Facts } from "./facts";
import { violationsOf, type Guardrail, type Severity } from "./guardrail";
import { stackFacts } from "./stackFacts";
import { today, waived, waiverNotes } from "./waivers";
import { factsOfResources, objectOf } from "./packFacts";

type Basis = Pick<Facts, "stack" | "config">;

/**
 * The guardrails as policies: a resource policy where one object decides, so that it is stopped before it is touched, a stack policy where several do.
 * A policy has one level for good, so everything that only warns is said by one advisory policy.
 *
 * @param root the project's directory, where the stack files are
 */
export function policiesOf(guardrails: readonly Guardrail[], root: string): Policies {
  const basis = basisReader(root);
  return [
    {
      name: "configuration",
      description: "The stack's configuration is valid, so that the guardrails can judge it.",
      enforcementLevel: "mandatory",
      validateStack: (_, report) => {
        const read = basis();
        // Without the details, which the program tells: here nobody knows which values are secret.
        if (read instanceof ConfigError)
          report(`is not: ${read.problems.map(({ key }) => key).join(", ")}; the program's error says what is wrong`);
      },
    },
    ...guardrails.map((guardrail) => policyOf(guardrail, basis)),
    {
      name: "advice",
      description:
        "What the guardrails advise, and what they would stop if this update did not turn authentication off.",
      enforcementLevel: "advisory",
      validateStack: (args, report) => {
        const read = basis();
        if (read instanceof ConfigError) return;
        for (const note of waiverNotes(guardrails, read.config, today())) report(note);
        reportStack(guardrails, "advisory", basis)(args, report);
      },
    },
  ];
}

function policyOf(guardrail: Guardrail, basis: () => Basis | ConfigError): Policies[number] {
  const { name, description, remediation, reads, checkStack } = guardrail;
  const { checkObject: _, ...stackRule } = guardrail;
  return {
    name,
    description,
    // It reports nothing else, whatever the severity that the stack's configuration gives it.
    enforcementLevel: "mandatory",
    remediationSteps: remediation,
    ...(reads && { validateResource: reportObject(guardrail, basis) }),
    ...(checkStack && { validateStack: reportStack([stackRule], "mandatory", basis) }),
  };
}

/** Judges one object. What is unknown in an object that decides is a violation: a policy that meets an unknown would be turned into advice. */
function reportObject({ checkStack: _, ...guardrail }: Guardrail, basis: () => Basis | ConfigError) {
  return (args: ResourceValidationArgs, report: ReportViolation): void => {
    const object = objectOf(args);
    const read = basis();
    if (!object || read instanceof ConfigError || !guardrail.reads?.(object.manifest)) return;
    const nothing = { releases: [], components: [], edges: [], providers: [], previous: "unknown" } as const;
    const facts = { ...read, ...nothing, objects: [object.manifest] };
    const inForce = waived(guardrail, read.config, today());
    const stops = inForce.severity === "mandatory" && (read.config.auth || guardrail.blocksOff);
    if (object.unknown.length > 0 && stops)
      report(`${describeObject(object.manifest)} must be known at preview: ${object.unknown.join(", ")}`);
    for (const { where, message, severity } of violationsOf(inForce, facts))
      if (severity === "mandatory") report(`${where} ${message}`);
  };
}

/** Judges the whole stack; reports what counts as the given level. */
function reportStack(guardrails: readonly Guardrail[], level: Severity, basis: () => Basis | ConfigError) {
  return ({ resources }: StackValidationArgs, report: ReportViolation): void => {
    const read = basis();
    if (read instanceof ConfigError) return;
    const facts = factsOfResources(read, resources);
    for (const guardrail of guardrails)
      for (const { where, message, severity } of violationsOf(waived(guardrail, read.config, today()), facts))
        if (severity === level)
          report(level === "advisory" ? `${guardrail.name}: ${where} ${message}` : `${where} ${message}`);
  };
}

/** Reads the engine's configuration once; the engine hands it to the pack only after the pack has started. */
function basisReader(root: string): () => Basis | ConfigError {
  let read: Basis | ConfigError | undefined;
  return () => (read ??= readBasis(root));
}

function readBasis(root: string): Basis | ConfigError {
  const name = pulumi.getStack();
  try {
    const config = loadEngineConfig(root);
    return { stack: stackFacts(root, name, config), config };
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}
