import { valueAt, parsePath, PathError, withValueAt } from "../core/util/path";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CORE_SCHEMA, load, YAMLException } from "js-yaml";
import { ConfigError, project } from "./load";

/** Keys and values of one stack, without the project's prefix: what loadConfig takes. */
export type StackValues = Readonly<Record<string, unknown>>;

/** The stacks of a project: those that have a Pulumi.<stack>.yaml, by name. */
export function listStacks(directory: string): string[] {
  return readdirSync(directory)
    .flatMap((file) => /^Pulumi\.([\w.-]+)\.yaml$/.exec(file)?.[1] ?? [])
    .sort();
}

/**
 * Reads Pulumi.<stack>.yaml as the engine does: keys of other projects are left out, defaults of Pulumi.yaml come first, `encryptionsalt` and its
 * like are Pulumi's own.
 *
 * @param assignments `KEY=VALUE` each, applied on top with the path syntax of `pulumi config set --path`
 * @throws ConfigError when a file or an assignment cannot be read
 */
export function readStackFile(directory: string, stack: string, assignments: readonly string[] = []): StackValues {
  const file = `Pulumi.${stack}.yaml`;
  const defaults = Object.entries(ownKeys(configOf(directory, "Pulumi.yaml", stack))).flatMap(([key, declared]) => {
    const { value, default: fallback } = (declared ?? {}) as { value?: unknown; default?: unknown };
    const given = typeof declared === "object" ? (value ?? fallback) : declared;
    return given === undefined ? [] : [[key, given] as const];
  });
  const values = { ...Object.fromEntries(defaults), ...ownKeys(configOf(directory, file, stack)) };
  return assignments.reduce<StackValues>((current, assignment) => assign(current, assignment, stack), values);
}

function assign(values: StackValues, assignment: string, stack: string): StackValues {
  const split = assignment.indexOf("=");
  if (split < 1) throw unreadable(stack, `--set ${assignment}`, "has no =", "--set KEY=VALUE, as in --set auth=false");
  try {
    return withValueAt(
      values,
      parsePath(assignment.slice(0, split)),
      typed(assignment.slice(split + 1)),
    ) as StackValues;
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    throw unreadable(stack, `--set ${assignment}`, `cannot be applied: ${error.message}`, "--set access[0].port=8080");
  }
}

/** As `pulumi config set --path`: booleans and whole numbers are typed, everything else is a string. */
function typed(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return /^(0|-?[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
}

function configOf(directory: string, file: string, stack: string): Record<string, unknown> {
  try {
    const document = load(readFileSync(join(directory, file), "utf8"), { schema: CORE_SCHEMA });
    const { config } = (document ?? {}) as { config?: unknown };
    return (config ?? {}) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof YAMLException) throw unreadable(stack, file, `is not YAML: ${error.message}`, `edit ${file}`);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const known = listStacks(directory).join(", ");
    throw unreadable(stack, file, "does not exist", `pulumi stack init ${stack}, or one of the stacks: ${known}`);
  }
}

/** This project's keys without the prefix. In a stack file, and from the engine, every key has one; in Pulumi.yaml ours may lack it. */
export function ownKeys(config: Readonly<Record<string, unknown>>): StackValues {
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) => {
      const [prefix, name] = key.includes(":") ? key.split(/:(.*)/s) : [project, key];
      return prefix === project && name ? [[name, value]] : [];
    }),
  );
}

const unreadable = (stack: string, key: string, problem: string, fix: string) =>
  new ConfigError(stack, [{ key, problem, fix }]);

/** The trust domains and clusters of the project's other stacks. A stack file that cannot be read is left out: another cluster's mistake is not this one's. */
export function readPeers(
  directory: string,
  stack: string,
): { name: string; trustDomain: string; identity?: string }[] {
  return listStacks(directory).flatMap((name) => {
    if (name === stack) return [];
    try {
      const values = readStackFile(directory, name);
      const { trustDomain } = values;
      const identity = valueAt(values, ["cluster", "identity"]);
      const known = typeof identity === "string" ? { identity } : {};
      return typeof trustDomain === "string" ? [{ name, trustDomain, ...known }] : [];
    } catch {
      return [];
    }
  });
}
