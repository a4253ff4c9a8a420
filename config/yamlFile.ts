import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CORE_SCHEMA, load, type Schema } from "js-yaml";

/**
 * Reads a YAML file that the configuration names.
 *
 * @param file relative to the directory
 * @param schema which texts without quotes are something else @default YAML 1.2
 * @returns its content, or what would be allowed in place of the file's name
 */
export function readYamlFile(
  file: string,
  directory: string,
  schema: Schema = CORE_SCHEMA,
): { content: unknown } | { allowed: string } {
  try {
    return { content: load(readFileSync(join(directory, file), "utf8"), { schema }) };
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : (error as Error).message;
    return { allowed: `a YAML file that can be read: ${file} ${why}` };
  }
}
