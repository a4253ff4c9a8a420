import { gunzipSync, gzipSync } from "node:zlib";
import * as z from "zod";
import { difference, noState, type AccessState, type Change } from "../core/access/difference";
import { changeRows, countText } from "../core/access/differenceText";
import { intent } from "../core/schema/intentSchema";
import { phases } from "../core/schema/schema";

const recorded = z.object({
  auth: z.boolean(),
  phases: z.record(z.string(), z.enum(phases)),
  intents: z.array(intent),
});

/** The stack output that has it. The engine shows no output that begins so when it changes, and there is nothing in it to read. */
export const lastAccessOutput = "__access";

/**
 * Who may call whom, as a stack output keeps it until the next update: some ten bytes an intent.
 *
 * @returns base64 of compressed JSON; undefined where that cannot be made
 */
export function packAccess({ auth, phases, intents }: AccessState): string | undefined {
  try {
    return gzipSync(JSON.stringify({ auth, phases, intents })).toString("base64");
  } catch {
    return undefined;
  }
}

/** What packAccess made; undefined for what it did not make, and for what this version cannot read. */
export function unpackAccess(output: unknown): AccessState | undefined {
  if (typeof output !== "string") return undefined;
  try {
    const json = gunzipSync(Buffer.from(output, "base64"), { maxOutputLength: 64 * 1024 * 1024 }).toString();
    return recorded.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}

/** So many lines are shown of an update's difference. */
const shown = 20;

/**
 * Who gains and who loses access by an update, for its log. Nothing that is wrong with what is known from before may stop an update, so that it throws nothing.
 *
 * @param isFirst whether nothing was deployed before
 * @param last the stack output, as it is read
 * @returns undefined where nothing changes
 */
export function accessNews(isFirst: boolean, last: unknown, now: AccessState): string | undefined {
  try {
    const before = isFirst ? noState : unpackAccess(last);
    if (!before) return "Who gains or loses access by this update is not known: the last one did not record who had it";
    const changes = difference(before, now);
    return changes.length === 0 ? undefined : newsOf(changes);
  } catch (error) {
    return `Who gains or loses access by this update is not known: ${String(error)}`;
  }
}

function newsOf(changes: readonly Change[]): string {
  const rows = changeRows(changes);
  const lines = rows.slice(0, shown).map((cells) => `  ${cells.join(" ")}`);
  const more = rows.length - lines.length;
  return [
    `Who gains and who loses access by this update: ${countText(changes)}`,
    ...lines,
    ...(more > 0 ? [`  and ${more} more; npm run render -- --base REVISION shows all since a revision`] : []),
  ].join("\n");
}
