import { type ConfigError, loadConfig, type Problem } from "../../config/load";
import { readStackFile } from "../../config/stackFile";
import type { Intent } from "../../core/schema/schema";
import { root } from "./stacks";

/** An intent with a name, for a workload of the stack apps, changed where a test is about it. */
export const intent = (name: string, overrides: object = {}): Intent => ({
  name,
  target: { namespace: "orders", selector: { app: "api" } },
  port: 8080,
  callers: [{ namespace: "web", serviceAccount: "frontend" }],
  ...overrides,
});

/** What is wrong with the stack apps when it has these intents, and other keys changed. */
export function problemsOf(access: readonly object[], overrides: object = {}): readonly Problem[] {
  try {
    loadConfig({ ...readStackFile(root, "apps"), access, ...overrides }, "apps");
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
}
