import { createHash } from "node:crypto";
import { sortedLabels } from "../schema/intent";
import type { Intent } from "../schema/schema";
import { groupBy } from "../util/groupBy";

/** All intents on one target and port together: what enforces them is one object for each, whatever the mesh. */
export function byTarget(intents: readonly Intent[]): [Intent, ...Intent[]][] {
  return [...groupBy(intents, ({ target, port }) => JSON.stringify([sortedLabels(target.selector), port])).values()];
}

/** The same for the same target and port, whatever its intents are called: readable, and told apart by a hash of the selector. */
export function targetName({ target, port }: Intent): string {
  const labels = sortedLabels(target.selector);
  const words = labels.map(([, value]) => value.toLowerCase()).join("-");
  const readable = words
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
  return ["allow", readable, String(port), shortHash(labels)].filter((part) => part !== "").join("-");
}

/** Eight hexadecimal digits that tell values of JSON apart. */
export const shortHash = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 8);
