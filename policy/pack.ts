import type { Policies, ReportViolation, ResourceValidationArgs, StackValidationArgs } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { loadEngineConfig } from "../components/config/engine";
import { ConfigError } from "../components/config/load";
import { describeObject } from "../components/kubernetes";
import type { Facts } from "./facts";
import { messageOf, violationsOf, type Guardrail, type Severity } from "./guardrail";
import { stackFacts } from "./stackFacts";
import { inForce, today, waiverNotes } from "./waivers";
import { factsOfResources, objectOf } from "./packFacts";

type Basis = Pick<Facts, "stack" | "config">;

/**
 * The guardrails as a policy that judges each object, so that it is stopped before it is touched, and in the end the whole stack; and one for what only warns, since
 * a policy has one level for good. Not a policy for each: the SDK decodes every resource anew for each policy, which for a thousand took half a minute.
 *
 * @param root the project's directory, where the stack files are
 */
export function policiesOf(guardrails: readonly Guardrail[], root: string): Policies {
  const basis = basisReader(root);
  return [
    {
      name: "guardrails",
      description:
        "What has taken clusters down is not deployed: docs/guardrails.md says of each guardrail why, and what to do.",
      enforcementLevel: "mandatory",
      validateResource: reportObject(guardrails.map(withoutStack), basis),
      validateStack: (args, report) => {
        const read = basis();
        // Without the details, which the program tells: here nobody knows which values are secret.
        if (read instanceof ConfigError) {
          const keys = read.problems.map(({ key }) => key).join(", ");
          report(`configuration: ${keys} cannot be read; the program's error says what is wrong`);
        } else reportStack(guardrails.map(withoutObjects), "mandatory", read)(args, report);
      },
    },
    {
      name: "advice",
      description:
        "What the guardrails advise, and what they would stop if this update did not turn authentication off.",
      enforcementLevel: "advisory",
      validateStack: (args, report) => {
        const read = basis();
        if (read instanceof ConfigError) return;
        for (const note of waiverNotes(guardrails, read.config, today())) report(note);
        reportStack(guardrails, "advisory", read)(args, report);
      },
    },
  ];
}

const withoutObjects = ({ checkObject: _, ...guardrail }: Guardrail): Guardrail => guardrail;
const withoutStack = ({ checkStack: _, ...guardrail }: Guardrail): Guardrail => guardrail;

/** Judges one object. What is unknown in an object that decides is a violation: a policy that meets an unknown would be turned into advice. */
function reportObject(guardrails: readonly Guardrail[], basis: () => Basis | ConfigError) {
  return (args: ResourceValidationArgs, report: ReportViolation): void => {
    const object = objectOf(args);
    const read = basis();
    if (!object || read instanceof ConfigError) return;
    const nothing = { releases: [], components: [], edges: [], providers: [], previous: "unknown" } as const;
    const facts = { ...read, ...nothing, objects: [object.manifest] };
    const readers = guardrails.filter(({ reads }) => reads?.(object.manifest));
    for (const guardrail of inForce(readers, read.config, today())) {
      const stops = guardrail.severity === "mandatory" && (read.config.auth || guardrail.blocksOff);
      if (object.unknown.length > 0 && stops)
        report(
          `${guardrail.name}: ${describeObject(object.manifest)} must be known at preview: ${object.unknown.join(", ")}`,
        );
      for (const violation of violationsOf(guardrail, facts))
        if (violation.severity === "mandatory") report(messageOf(guardrail, violation));
    }
  };
}

/** Judges the whole stack; reports what counts as the given level. */
function reportStack(guardrails: readonly Guardrail[], level: Severity, basis: Basis) {
  return ({ resources }: StackValidationArgs, report: ReportViolation): void => {
    const facts = factsOfResources(basis, resources);
    for (const guardrail of inForce(guardrails, basis.config, today()))
      for (const violation of violationsOf(guardrail, facts))
        if (violation.severity === level) report(messageOf(guardrail, violation));
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
