import { loadConfig } from "./load";
import type { StackConfig } from "../core/schema/schema";
import { ownKeys } from "./stackFile";

/**
 * The configuration of the stack that the engine runs, for the program and for the policy pack.
 *
 * @param values what the engine has of the stack's configuration, by whole key
 * @param directory the project's, or `null` where it is not at hand
 * @throws ConfigError
 */
export function loadEngineConfig(
  values: Readonly<Record<string, string>>,
  stack: string,
  directory: string | null = ".",
): StackConfig {
  // How the language host names the keys that were set with --secret; the SDK reads it in a function that it does not export.
  const secret = JSON.parse(process.env["PULUMI_CONFIG_SECRET_KEYS"] || "[]") as string[];
  const ours = Object.keys(ownKeys(Object.fromEntries(secret.map((key) => [key, key]))));
  return loadConfig(ownKeys(values), stack, { secret: ours, directory });
}
