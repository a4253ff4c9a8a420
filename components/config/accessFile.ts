import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CORE_SCHEMA, load } from "js-yaml";
import type { Conflict } from "./combinations";

/** What one environment variable can hold on Linux (MAX_ARG_STRLEN, execve(2)). Pulumi passes a stack's configuration on in one, PULUMI_CONFIG. */
const limit = 128 * 1024;

/**
 * Reads the intents of a stack that has them in a file.
 *
 * @param values the stack's keys; `accessFile` is relative to the directory
 * @returns the keys with the file's content as `access`, or what is wrong
 */
export function withAccessFile(
  values: Readonly<Record<string, unknown>>,
  directory: string,
): { values: Readonly<Record<string, unknown>>; conflicts: readonly Conflict[] } {
  const { accessFile: file, access } = values;
  if (typeof file !== "string") return { values, conflicts: tooLong(values) };
  const conflict = (allowed: string) => ({
    values,
    conflicts: [{ path: ["accessFile"], hint: { allowed, example: file } }],
  });
  if (access !== undefined)
    return {
      values,
      conflicts: [{ path: ["access"], hint: { allowed: `nothing beside accessFile: write all intents into ${file}` } }],
    };
  let intents: unknown;
  try {
    intents = load(readFileSync(join(directory, file), "utf8"), { schema: CORE_SCHEMA });
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : (error as Error).message;
    return conflict(`a YAML file that can be read: ${file} ${why}`);
  }
  if (!Array.isArray(intents)) return conflict(`a file with a YAML list of intents, which ${file} is not`);
  return { values: { ...values, access: intents }, conflicts: [] };
}

function tooLong(values: Readonly<Record<string, unknown>>): Conflict[] {
  const strings = Object.entries(values).map(([key, value]) => [
    `zero-trust:${key}`,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const bytes = Buffer.byteLength(`PULUMI_CONFIG=${JSON.stringify(Object.fromEntries(strings))}`) + 1;
  if (bytes <= limit) return [];
  const allowed = `a file to which the intents in access are moved: this configuration takes ${Math.ceil(bytes / 1024)} KiB of the 128 that Pulumi can pass on`;
  return [{ path: ["accessFile"], hint: { allowed, example: "access.yaml" } }];
}
