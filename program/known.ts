import type { Previous } from "../core/rollout/state";

/** What is known before an update, and what has to be said about how it is known. */
export interface Known {
  readonly previous: Previous;
  /** Problems that stop an update and are errors in a preview. */
  readonly errors: readonly string[];
  /** Things to know. */
  readonly notes: readonly string[];
  /** Who had access after the last update, as its output has it: not looked into, and nothing is decided by it. */
  readonly lastAccess?: unknown;
}
