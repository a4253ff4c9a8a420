import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CORE_SCHEMA, dump, load, YAMLException } from "js-yaml";
import * as z from "zod";
import { evidenceSchema, type Evidence } from "./evidence";

/** A file that is there and cannot be read; the message is for the user. */
export class EvidenceError extends Error {}

/** Relative to the project's directory. */
export const evidencePath = (stack: string, namespace: string) => join("rollout", stack, `${namespace}.yaml`);

const header = ({ stack, namespace }: Evidence) =>
  [
    `Who called the pods of ${namespace}, and what the phase require makes of each: docs/verify.md explains the file.`,
    `Written by npm run verify -- --stack ${stack} --namespace ${namespace} --evidence. Yours to write are the lines`,
    "acknowledged, beside a caller that may be cut off, and below lost: why that is well, in a sentence.",
  ]
    .map((line) => `# ${line}\n`)
    .join("");

/**
 * Reads a namespace's evidence.
 *
 * @param directory the project's
 * @returns undefined where there is none
 * @throws EvidenceError where what is there is no evidence
 */
export function readEvidence(directory: string, stack: string, namespace: string): Evidence | undefined {
  const file = evidencePath(stack, namespace);
  const restore = "restore it from Git, or delete it and gather it anew";
  try {
    return evidenceSchema.parse(load(readFileSync(join(directory, file), "utf8"), { schema: CORE_SCHEMA }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if (error instanceof YAMLException) throw new EvidenceError(`${file} is not YAML: ${error.message}; ${restore}`);
    if (error instanceof z.ZodError) {
      const { path, message } = error.issues[0] ?? { path: [], message: "" };
      throw new EvidenceError(`${file} is no evidence: ${path.join(".") || "the file"}: ${message}; ${restore}`);
    }
    throw error;
  }
}

/**
 * Writes a namespace's evidence: all of it or nothing, whatever happens meanwhile.
 *
 * @returns the file
 */
export function writeEvidence(directory: string, evidence: Evidence): string {
  const file = evidencePath(evidence.stack, evidence.namespace);
  const path = join(directory, file);
  mkdirSync(dirname(path), { recursive: true });
  // In one order of the keys, which is that of the schema.
  const content = dump(evidenceSchema.parse(evidence), { noRefs: true, lineWidth: -1, quotingType: '"' });
  writeFileSync(`${path}.tmp`, header(evidence) + content);
  renameSync(`${path}.tmp`, path);
  return file;
}
