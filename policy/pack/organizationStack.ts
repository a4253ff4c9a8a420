import * as pulumi from "@pulumi/pulumi";
import { loadEngineConfig } from "../../config/engine";
import type { StackConfig } from "../../core/schema/schema";
import { ownKeys } from "../../config/stackFile";
import type { Guardrail } from "../rules/guardrail";
import { OutOfSight } from "./outOfSight";
import type { StackReader } from "./pack";
import { unreadable } from "./projectStack";

// For a pack that an organization has on all of its stacks: it runs away from any project, and may be older than the program that it judges.

/**
 * Reads the stack that the engine runs as far as it can be seen without its project: what the configuration keeps in files, evidence and the other stacks are not.
 * A stack without a key of ours is none of ours.
 */
export const organizationStack: StackReader = () => {
  const given = ownKeys(pulumi.runtime.allConfig());
  if (Object.keys(given).length === 0) return undefined;
  try {
    const stack = { name: pulumi.getStack(), peers: [], evidence: hidden("it is among the project's files") };
    return { stack, config: withoutIntents(loadEngineConfig(pulumi.runtime.allConfig(), pulumi.getStack(), null)) };
  } catch (error) {
    const severity = String(given["auth"]) === "false" ? "advisory" : "mandatory";
    return unreadable(error, severity, "where the program can, publish the pack that belongs to its version");
  }
};

/** Off must always work: the program's own preflight, which is of its version, says what would make the way off worse. A pack that may be older stops none. */
export const letsOff = (guardrail: Guardrail): Guardrail => ({ ...guardrail, blocksOff: false });

/** Intents in a file are not none: who asks for them cannot decide. */
function withoutIntents(config: StackConfig): StackConfig {
  const { accessFile } = config;
  if (accessFile === undefined) return config;
  return Object.defineProperty({ ...config }, "access", { get: hidden(`the intents are in ${accessFile}`) });
}

function hidden(why: string) {
  return (): never => {
    throw new OutOfSight(why);
  };
}
