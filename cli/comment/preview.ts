import * as z from "zod";

/** What a preview said, without any value: of a change the names of what changes alone. */
export interface Preview {
  /** Whether the command failed, for a guardrail or for anything else. */
  readonly failed: boolean;
  /** How many resources have which operation, as Pulumi calls it. */
  readonly counts: Readonly<Record<string, number>>;
  /** What is not left as it is. */
  readonly steps: readonly {
    readonly operation: string;
    readonly type: string;
    readonly name: string;
    readonly keys: readonly string[];
  }[];
  /** What guardrails said, by their names. */
  readonly verdicts: readonly { readonly guardrail: string; readonly mandatory: boolean; readonly said: string }[];
  /** `orders, shop: allow -> require` */
  readonly phases: readonly string[];
  /** Why it failed, where no guardrail says so. */
  readonly errors: readonly string[];
}

/**
 * What of `pulumi preview --json` is read, which is `PreviewDigest` in github.com/pulumi/pulumi, pkg/display/json.go. Neither the configuration nor the states of resources: they hold
 * values.
 */
const digest = z.object({
  steps: z
    .array(
      z.object({
        op: z.string(),
        urn: z.string(),
        detailedDiff: z.record(z.string(), z.object({})).nullish(),
        diffReasons: z.array(z.string()).nullish(),
      }),
    )
    .nullish(),
  diagnostics: z.array(z.object({ message: z.string().default(""), severity: z.string().default("info") })).nullish(),
  changeSummary: z.record(z.string(), z.number()).nullish(),
});

/**
 * What `pulumi preview --json` printed, less everything that is not read here, and so without values: what may be kept as a job's artifact.
 *
 * @returns undefined where it is no preview
 */
export function withoutValues(printed: string): string | undefined {
  const read = digest.safeParse(jsonIn(printed));
  return read.success ? JSON.stringify(read.data) : undefined;
}

/**
 * @param stdout of `pulumi preview --json`
 * @param stderr of the same, which tells why where there is no JSON
 * @param failed whether it ended with anything but 0
 * @param guardrails the names of all
 */
export function readPreview(stdout: string, stderr: string, failed: boolean, guardrails: readonly string[]): Preview {
  const read = digest.safeParse(jsonIn(stdout));
  if (!read.success)
    return { failed: true, counts: {}, steps: [], verdicts: [], phases: [], errors: linesOf(stderr || stdout) };
  const { steps, diagnostics, changeSummary } = read.data;
  const known = new Set(guardrails);
  const said = (diagnostics ?? []).flatMap(({ message, severity }) =>
    linesOf(message).map((line) => ({ severity, line: line.replace(/^(error|warning): /, "") })),
  );
  const verdicts = said.flatMap(({ severity, line }) => {
    const [, guardrail, what] = /^([a-z0-9-]+): (.*)$/.exec(line) ?? [];
    if (guardrail === undefined || what === undefined || !known.has(guardrail)) return [];
    return [{ guardrail, mandatory: severity === "error", said: what, line }];
  });
  const judged = new Set(verdicts.map(({ line }) => line));
  return {
    failed,
    counts: changeSummary ?? {},
    steps: (steps ?? [])
      .filter(({ op }) => op !== "same")
      .map(({ op, urn, detailedDiff, diffReasons }) => ({
        operation: op,
        ...namesIn(urn),
        keys: [...new Set([...Object.keys(detailedDiff ?? {}), ...(detailedDiff ? [] : (diffReasons ?? []))])],
      })),
    verdicts: verdicts.map(({ line: _, ...verdict }) => verdict),
    phases: said.flatMap(({ severity, line }) => (severity === "info" && phase.test(line) ? [line] : [])),
    errors: said.flatMap(({ severity, line }) => (severity === "error" && !judged.has(line) ? [line] : [])),
  };
}

/** As the program's preflight says it. */
const phase = /^[a-z0-9-]+(, [a-z0-9-]+)*( and \d+ more)?: (new|off|observe|allow|require|stays) /;

/** The JSON in what a command printed, which may have said something before it and after it. */
function jsonIn(text: string): unknown {
  const start = text.indexOf("{");
  if (start < 0) return undefined;
  try {
    return JSON.parse(text.slice(start, text.lastIndexOf("}") + 1));
  } catch {
    return undefined;
  }
}

const linesOf = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** `urn:pulumi:<stack>::<project>::<type of the parent>$<type>::<name>` */
function namesIn(urn: string): { type: string; name: string } {
  const [, , types = "", ...name] = urn.split("::");
  return { type: types.split("$").at(-1) ?? "", name: name.join("::") };
}
