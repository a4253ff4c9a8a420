import * as pulumi from "@pulumi/pulumi";
import { loadEngineConfig } from "../../config/engine";
import { ConfigError } from "../../config/load";
import type { StackReader, Unreadable } from "./pack";
import { stackFacts } from "../facts/stackFacts";

/**
 * Reads the stack that the engine runs in a project of ours.
 *
 * @param root the project's directory, where the stack files are
 */
export const projectStack =
  (root: string): StackReader =>
  () => {
    try {
      const config = loadEngineConfig(pulumi.runtime.allConfig(), pulumi.getStack(), root);
      return { stack: stackFacts(root, pulumi.getStack(), config), config };
    } catch (error) {
      return unreadable(error, "mandatory", "the program's error says what is wrong");
    }
  };

/** Without the details, which the program tells: here nobody knows which values are secret. Throws what is no ConfigError. */
export function unreadable(error: unknown, severity: Unreadable["severity"], hint: string): Unreadable {
  if (!(error instanceof ConfigError)) throw error;
  const keys = error.problems.map(({ key }) => key).join(", ");
  return { severity, unreadable: `configuration: ${keys} cannot be read; ${hint}` };
}
