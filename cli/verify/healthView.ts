import type { Facts } from "../../verify/health/facts";
import { inForce } from "../../verify/health/facts";
import type { Finding, Verdict } from "../../verify/health/finding";
import { countsOf, exitCodeOf, firstOf, type changesOf } from "../../verify/health/judge";
import type { paint } from "../lib/command";
import { table } from "../lib/table";

type Paint = typeof paint;

const marks: Readonly<Record<Verdict, readonly [Parameters<Paint>[0], string]>> = {
  ok: ["green", "ok  "],
  warn: ["yellow", "warn"],
  fail: ["red", "FAIL"],
  unknown: ["magenta", "?   "],
  skip: ["dim", "-   "],
};

/** The findings for a terminal: what was seen of each, below it what to do, the flows of each namespace, and where to begin. */
export function healthView(facts: Facts, findings: readonly Finding[], paint: Paint): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const { auth } = inForce(facts);
  const first = firstOf(findings);
  const counts = countsOf(findings).flatMap(({ verdict, count }) => (count > 0 ? [`${count} ${verdict}`] : []));
  return [
    `${paint("bold", facts.stack)}  context ${facts.config.cluster.context}, authentication ${auth ? "on" : "off"}`,
    ...findings.flatMap((finding) => lines(finding, width, paint)),
    ...flowTables(facts),
    "",
    `  ${counts.join(", ")}`,
    ...(first === undefined ? [] : [`  Begin with ${paint("bold", first.check)}: ${first.remedy ?? first.saw}`]),
  ].join("\n");
}

function lines({ check, verdict, saw, remedy }: Finding, width: number, paint: Paint): string[] {
  const [style, mark] = marks[verdict];
  const indent = " ".repeat(2 + mark.length + 2 + width + 2);
  return [
    `  ${paint(style, mark)}  ${check.padEnd(width)}  ${saw}`,
    ...(remedy === undefined ? [] : [`${indent}${paint("bold", "do")} ${remedy}`]),
  ];
}

function flowTables({ flows }: Facts): string[] {
  if (!("known" in flows)) return [];
  return Object.entries(flows.known).flatMap(([namespace, seen]) => {
    if (!("known" in seen) || seen.known.lines.length === 0) return [];
    const rows = seen.known.lines.map(({ from, to, authenticated, allowed, denied, named }) => [
      from,
      "->",
      to,
      `${authenticated} authenticated`,
      `${allowed} allowed without`,
      Object.entries(denied)
        .map(([reason, count]) => `${count} dropped, ${reason}`)
        .join("; ") + (named || Object.keys(denied).length === 0 ? "" : "; no intent names it"),
    ]);
    return ["", `  Calls to ${namespace}`, ...table(rows).map((line) => `    ${line}`)];
  });
}

/** The findings for a program. */
export function jsonOf({ stack, config, now, flows }: Facts, findings: readonly Finding[], strict: boolean) {
  const seen = "known" in flows ? Object.entries(flows.known) : [];
  return {
    stack,
    context: config.cluster.context,
    at: new Date(now).toISOString(),
    ok: exitCodeOf(findings, strict) === 0,
    first: firstOf(findings)?.check ?? null,
    findings,
    flows: Object.fromEntries(
      seen.flatMap(([namespace, answer]) => ("known" in answer ? [[namespace, answer.known]] : [])),
    ),
  };
}

/** What changed, a line for each. */
export function changeLines(changes: ReturnType<typeof changesOf>, at: Date, paint: Paint): string[] {
  const time = at.toTimeString().slice(0, 8);
  return changes.flatMap(({ before, after }) => {
    const { check, verdict, saw, remedy } = after ?? {
      check: before?.check ?? "",
      verdict: "skip",
      saw: "no longer looked at",
    };
    const [style] = marks[verdict];
    return [
      `${time}  ${check}  ${before?.verdict ?? "new"} -> ${paint(style, verdict)}  ${saw}`,
      ...(remedy === undefined ? [] : [`          ${paint("bold", "do")} ${remedy}`]),
    ];
  });
}
