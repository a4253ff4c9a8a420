import type { Conflict } from "./conflicts/conflict";

import { readYamlFile } from "./yamlFile";

/** What one environment variable can hold on Linux (MAX_ARG_STRLEN, execve(2)). Pulumi passes a stack's configuration on in one, PULUMI_CONFIG. */
const limit = 128 * 1024;

/**
 * Reads the intents of a stack that has them in a file.
 *
 * @param values the stack's keys; `accessFile` is relative to the directory
 * @param directory the project's, or `null` where it is not at hand: then the file is left alone
 * @returns the keys with the file's content as `access`, or what is wrong
 */
export function withAccessFile(
  values: Readonly<Record<string, unknown>>,
  directory: string | null,
): { values: Readonly<Record<string, unknown>>; conflicts: readonly Conflict[] } {
  const { accessFile: file, access } = values;
  if (typeof file !== "string") return { values, conflicts: tooLong(values) };
  if (directory === null) return { values, conflicts: [] };
  const conflict = (allowed: string) => ({
    values,
    conflicts: [{ path: ["accessFile"], hint: { allowed, example: file } }],
  });
  if (access !== undefined)
    return {
      values,
      conflicts: [{ path: ["access"], hint: { allowed: `nothing beside accessFile: write all intents into ${file}` } }],
    };
  const read = readYamlFile(file, directory);
  if ("allowed" in read) return conflict(read.allowed);
  const { content } = read;
  if (!Array.isArray(content)) return conflict(`a file with a YAML list of intents, which ${file} is not`);
  return { values: { ...values, access: content }, conflicts: [] };
}

function tooLong(values: Readonly<Record<string, unknown>>): Conflict[] {
  const bytes = Buffer.byteLength(`PULUMI_CONFIG=${JSON.stringify(passedOn(values))}`) + 1;
  if (bytes <= limit) return [];
  const allowed = `a file to which the intents in access are moved: this configuration takes ${Math.ceil(bytes / 1024)} KiB of the 128 that Pulumi can pass on`;
  return [{ path: ["accessFile"], hint: { allowed, example: "access.yaml" } }];
}

/**
 * A stack's configuration as Pulumi passes it on to a program or a policy pack.
 *
 * @param values by key, without the project's prefix
 * @returns texts by whole key: what is none is JSON
 */
export const passedOn = (values: object): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]: [string, unknown]) => [
      `zero-trust:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
