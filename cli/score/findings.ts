import { describeObject, type KubernetesObject } from "../../core/util/kubernetes";

/** What kube-score holds against one object, or one container of its pods. */
export interface Finding {
  /** As messages name it: `StatefulSet spire/spire-server`. */
  readonly object: string;
  /** Undefined where the finding is about the object as a whole. */
  readonly container: string | undefined;
  readonly check: string;
  readonly critical: boolean;
  readonly summary: string;
  readonly description: string;
}

/** CRITICAL findings that are as they should be: every one of `summaries` for every one of `containers`. */
export interface Exception {
  readonly object: string;
  /** Undefined where the findings are about the object as a whole. */
  readonly containers?: readonly string[];
  readonly check: string;
  readonly summaries: readonly string[];
  readonly reason: string;
}

/** The part that is read of kube-score's JSON, version 2 (renderer/json_v2). */
type Scores =
  | readonly {
      readonly type_meta: { readonly kind: string };
      readonly object_meta: KubernetesObject["metadata"];
      readonly checks:
        | readonly {
            readonly check: { readonly id: string };
            readonly grade: number;
            readonly skipped: boolean;
            readonly comments: readonly { path: string; summary: string; description: string }[] | null;
          }[]
        | null;
    }[]
  | null;

/** Grades of kube-score (scorecard.Grade): 1 is CRITICAL, 5 WARNING, everything above is well. */
const grades = { critical: 1, warning: 5 };

/**
 * Everything at CRITICAL or WARNING, in a stable order: kube-score's own is random.
 *
 * @param output what `kube-score score --output-format json` prints
 */
export function findingsOf(output: string): Finding[] {
  return ((JSON.parse(output) as Scores) ?? [])
    .flatMap(({ type_meta: { kind }, object_meta: metadata, checks }) =>
      (checks ?? [])
        .filter(({ grade, skipped }) => !skipped && grade <= grades.warning)
        .flatMap(({ check, grade, comments }) =>
          // A grade without a comment is a finding too.
          (comments?.length ? comments : [{ path: "", summary: "", description: "" }]).map((comment) => ({
            object: describeObject({ apiVersion: "", kind, metadata }),
            container: comment.path === "" ? undefined : comment.path,
            check: check.id,
            critical: grade <= grades.critical,
            summary: comment.summary,
            description: comment.description,
          })),
        ),
    )
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/**
 * Compares the findings of all stacks with the exceptions, as lines for people.
 *
 * @returns the lines, and whether every CRITICAL finding has an exception and every exception still has a finding
 */
export function judgeFindings(
  stacks: readonly { readonly stack: string; readonly findings: readonly Finding[] }[],
  exceptions: readonly Exception[],
): { readonly lines: string[]; readonly ok: boolean } {
  const excepted = exceptions.flatMap(({ object, containers, check, summaries }) =>
    (containers ?? [undefined]).flatMap((container) =>
      summaries.map((summary) => ({ object, container, check, summary })),
    ),
  );
  const known = new Set(excepted.map(keyOf));
  const found = new Set(stacks.flatMap(({ findings }) => findings.filter(({ critical }) => critical).map(keyOf)));

  const judged = stacks.map(({ stack, findings }) => {
    const critical = findings.filter(({ critical }) => critical);
    return {
      stack,
      excepted: critical.filter((finding) => known.has(keyOf(finding))),
      unexpected: critical.filter((finding) => !known.has(keyOf(finding))),
      warnings: findings.filter(({ critical }) => !critical),
    };
  });
  const stale = excepted.filter((exception) => !found.has(keyOf(exception)));
  return {
    lines: [
      ...judged.flatMap(({ stack, excepted, unexpected, warnings }) => [
        `${stack}: ${unexpected.length} CRITICAL, ${excepted.length} excepted, ${warnings.length} WARNING`,
        ...unexpected.map((finding) => `  FAIL  ${describe(finding)}${hintOf(finding)}`),
        ...warnings.map((finding) => `  warn  ${describe(finding)}${hintOf(finding)}`),
      ]),
      ...stale.map(
        (exception) =>
          `FAIL  ${describe(exception)}: no longer found in any stack; remove the exception from cli/score/exceptions.ts`,
      ),
    ],
    ok: stale.length === 0 && judged.every(({ unexpected }) => unexpected.length === 0),
  };
}

type Named = Pick<Finding, "object" | "container" | "check" | "summary">;

const keyOf = ({ object, container, check, summary }: Named) =>
  JSON.stringify([object, container ?? "", check, summary]);

const describe = ({ object, container, check, summary }: Named) =>
  `${object}${container === undefined ? "" : `, container ${container}`}: ${check}: ${summary}`;

const hintOf = ({ description }: Finding) => (description === "" ? "" : `. ${description}`);
