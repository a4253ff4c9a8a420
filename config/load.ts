import { distance } from "fastest-levenshtein";
import type * as z from "zod";
import { quoted } from "../core/util/shell";
import { withAccessFile } from "./accessFile";
import { readBaseValues } from "./baseValues";
import { conflictsIn } from "./conflicts/combinations";
import type { PartialConfig } from "./conflicts/conflict";
import { type Fault, written, type Hint } from "../core/schema/fields";
import { formatPath, valueAt, type Path } from "../core/util/path";
import { schema, type DeepReadonly, type StackConfig } from "../core/schema/schema";

/** The project's name, and so the prefix of its keys in `pulumi config`. */
export const project = "zero-trust";

/** One thing that is wrong with a configuration. */
export interface Problem {
  /** The key, as `zero-trust:cluster.cilium.version`. */
  readonly key: string;
  readonly problem: string;
  readonly allowed?: string;
  /** The command that puts it right. */
  readonly fix: string;
}

/** All that is wrong with one stack's configuration; the message lists it for the user. */
export class ConfigError extends Error {
  constructor(
    readonly stackName: string,
    readonly problems: readonly Problem[],
  ) {
    super(
      [
        `The configuration of stack ${stackName} has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}:`,
        ...problems.map(
          ({ key, problem, allowed, fix }) =>
            `\n  ${key} ${problem}${allowed ? `\n    allowed: ${allowed}` : ""}\n    fix:     ${fix}`,
        ),
      ].join("\n"),
    );
    this.name = "ConfigError";
  }
}

/**
 * Reads one stack's configuration. The program and every command call this and nothing else.
 *
 * @param given the stack's keys without the prefix `zero-trust:`; a value is what a stack file holds (YAML's types) or what the engine passes on
 *   (strings, JSON for objects). A `{ secure: … }` value is one that the engine alone can decrypt.
 * @param stack the stack's name, for the messages
 * @param options.secret keys whose values no message may show
 * @param options.directory the project's, for a file that the configuration names; `null` where the project is not at hand: then what is in such a file is left out
 * @returns a frozen plain object with the defaults filled in, its keys sorted: the engine passes them on in another order than the file has
 * @throws ConfigError with every problem, not only the first
 */
export function loadConfig(
  given: Readonly<Record<string, unknown>>,
  stack: string,
  { secret = [], directory = "." }: { secret?: readonly string[]; directory?: string | null } = {},
): StackConfig {
  const encrypted = encryptedPaths(given);
  const { values, conflicts: unreadable } = withAccessFile(given, directory);
  const result = schema.safeParse(values);
  const config = result.success ? result.data : (wellFormed(schema, values) as PartialConfig);
  const base = readBaseValues(config.cluster?.cilium?.valuesFile, directory);
  const baseValues = base.values ? { baseValues: base.values } : {};
  const conflicts = [...unreadable, ...conflictsIn({ ...config, ...baseValues }), ...base.conflicts];
  if (result.success && conflicts.length + encrypted.length === 0) return canonical({ ...result.data, ...baseValues });

  const issues = (result.error?.issues ?? []).filter(
    (i) => !encrypted.some((path) => startsWith(i.path as Path, path)),
  );
  // A value from the engine may be JSON in a string on any level.
  const at = (path: Path) => path.reduce<unknown>((value, key) => valueAt(written(value), [key]), values);
  const shown = (path: Path) =>
    secret.includes(String(path[0])) ? "is a secret with a wrong value" : describe(at(path));
  const problems = [
    ...encrypted.map((path) => encryptedProblem(path, stack)),
    ...issues.flatMap((issue) => problemsOf(issue, shown, stack)),
    ...conflicts.map(({ path, hint }) => wrongValue(path, shown(path), hint, stack)),
  ];
  throw new ConfigError(stack, given === values ? problems : problems.map(inFile(config.accessFile ?? "")));
}

/** Where a problem is for somebody who has the intents in a file. */
const inFile =
  (file: string) =>
  (problem: Problem): Problem => {
    const key = problem.key.replace(`${project}:access[`, `${file}[`);
    return key === problem.key ? problem : { ...problem, key, fix: `edit ${file}` };
  };

/** What is well-formed of a value: of an object those keys that are, so that a mistake in one does not hide conflicts between others. */
function wellFormed(schema: z.ZodType, value: unknown): unknown {
  const shape = shapeOf(schema);
  const given = written(value ?? {});
  const whole = schema.safeParse(value);
  if (whole.success || !shape || typeof given !== "object" || given === null) return whole.data;
  const parts = Object.entries(shape).map(([key, inner]) => [key, wellFormed(inner, valueAt(given, [key]))] as const);
  return Object.fromEntries(parts.filter(([, part]) => part !== undefined));
}

function problemsOf(issue: z.core.$ZodIssue, shown: (path: Path) => string, stack: string): Problem[] {
  const path = issue.path as Path;
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey([...path, key], stack));
  if (issue.code === "invalid_key") return [unusableKey(path, hintOf(issue, path).allowed, stack)];
  if (issue.code === "custom" && issue.params) {
    const { problem = shown(path), ...hint } = issue.params as Partial<Fault>;
    return [wrongValue(path, problem, hint, stack)];
  }
  return [wrongValue(path, shown(path), hintOf(issue, path), stack)];
}

function wrongValue(path: Path, problem: string, { allowed, example }: Partial<Hint>, stack: string): Problem {
  const command = example === undefined ? "rm" : "set";
  const fix = `pulumi config ${command} --stack ${stack} --path '${keyOf(path)}' ${shell(example ?? "")}`.trim();
  return { key: keyOf(path), problem, ...(allowed === undefined ? {} : { allowed }), fix };
}

function unknownKey(path: Path, stack: string): Problem {
  const known = Object.keys(shapeOf(schemaAt(path.slice(0, -1))) ?? {});
  const typed = String(path.at(-1));
  const near = known.filter((k) => distance(k.toLowerCase(), typed.toLowerCase()) <= 2);
  return {
    key: keyOf(path),
    problem: `is not a key${near.length > 0 ? `; did you mean ${near.join(" or ")}?` : ""}`,
    allowed: known.join(", "),
    fix: `pulumi config rm --stack ${stack} --path '${keyOf(path)}'`,
  };
}

function unusableKey(path: Path, allowed: string, stack: string): Problem {
  const fix = `pulumi config rm --stack ${stack} --path '${keyOf(path)}'`;
  return { key: keyOf(path), problem: `cannot be named ${JSON.stringify(path.at(-1))}`, allowed, fix };
}

function encryptedProblem(path: Path, stack: string): Problem {
  return {
    key: keyOf(path),
    problem: "is encrypted, so that only pulumi itself can read it; it decides what is deployed and is no secret",
    fix: `pulumi config set --stack ${stack} --plaintext --path '${keyOf(path)}' VALUE`,
  };
}

/** Where a value is `{ secure: … }`, the form in which `pulumi config set --secret` writes. */
function encryptedPaths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [];
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  if (entries.length === 1 && entries[0]?.[0] === "secure" && typeof entries[0][1] === "string") return [path];
  return entries.flatMap(([key, inner]) => encryptedPaths(inner, [...path, key]));
}

function describe(value: unknown): string {
  if (value === undefined) return "is missing";
  const text = JSON.stringify(value);
  return `is ${text.length > 80 ? `${text.slice(0, 77)}...` : text}`;
}

/** What is allowed at a path, and an example; none for an object, whose keys are set one by one. */
function hintOf(issue: z.core.$ZodIssue, path: Path): { allowed: string; example?: string } {
  const at = schemaAt(path, issue.code === "invalid_key");
  const keys = shapeOf(at);
  return hintsOf(at) ?? { allowed: keys ? `an object with ${Object.keys(keys).join(", ")}` : issue.message };
}

/** The schemas on one level, from the outermost wrapper (default, optional, preprocess) to the schema inside. */
function layers(schema: z.core.$ZodType | undefined): z.core.$ZodType[] {
  if (!schema) return [];
  const { innerType, out } = schema._zod.def as { innerType?: z.core.$ZodType; out?: z.core.$ZodType };
  return [schema, ...layers(innerType ?? out)];
}

function schemaAt(path: Path, ofKey = false): z.core.$ZodType | undefined {
  return path.reduce<z.core.$ZodType | undefined>((current, key, i) => {
    const inner = layers(current).at(-1) as z.ZodType | undefined;
    const def = inner?._zod.def as
      | { shape?: Record<string, z.ZodType>; element?: z.ZodType; valueType?: z.ZodType; keyType?: z.ZodType }
      | undefined;
    return def?.shape?.[key] ?? def?.element ?? (ofKey && i === path.length - 1 ? def?.keyType : def?.valueType);
  }, schema);
}

const hintsOf = (schema: z.core.$ZodType | undefined): Hint | undefined =>
  layers(schema)
    .map((layer) => (layer as z.ZodType).meta() as Hint | undefined)
    .find((meta) => meta?.allowed !== undefined);

const shapeOf = (schema: z.core.$ZodType | undefined): Record<string, z.ZodType> | undefined =>
  (layers(schema).at(-1)?._zod.def as { shape?: Record<string, z.ZodType> } | undefined)?.shape;

const keyOf = (path: Path) => `${project}:${formatPath(path)}`;
const startsWith = (path: Path, prefix: Path) => prefix.every((key, i) => path[i] === key);
const shell = (word: string) => (/^[\w./:@-]*$|^\$\(|^< /.test(word) ? word : quoted(word));

/** A frozen copy with the keys of every object sorted. */
function canonical<T>(value: T): DeepReadonly<T> {
  if (typeof value !== "object" || value === null) return value as DeepReadonly<T>;
  const copy = Array.isArray(value)
    ? value.map(canonical)
    : Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, inner]) => [key, canonical(inner)]),
      );
  return Object.freeze(copy) as DeepReadonly<T>;
}
