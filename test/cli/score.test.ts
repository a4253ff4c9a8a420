import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { exceptions } from "../../cli/score/exceptions";
import { findingsOf, judgeFindings, type Exception, type Finding } from "../../cli/score/findings";
import { root } from "../support/stacks";

const finding: Finding = {
  object: "StatefulSet spire/spire-server",
  container: "spire-server",
  check: "container-resources",
  critical: true,
  summary: "CPU limit is not set",
  description: "Set resources.limits.cpu",
};
const exception: Exception = {
  object: finding.object,
  containers: ["spire-server"],
  check: finding.check,
  summaries: [finding.summary],
  reason: "It throttles.",
};
const judge = (findings: Finding[], exceptions: Exception[]) =>
  judgeFindings([{ stack: "apps", findings }], exceptions);

describe("kube-score's output", () => {
  const comment = { path: "spire-server", summary: finding.summary, description: finding.description };
  const scores = (...checks: object[]) =>
    JSON.stringify([
      {
        object_name: "StatefulSet/apps/v1/spire/spire-server",
        type_meta: { kind: "StatefulSet", apiVersion: "apps/v1" },
        object_meta: { name: "spire-server", namespace: "spire" },
        checks: checks.map((check) => ({
          check: { id: finding.check },
          grade: 1,
          skipped: false,
          comments: [comment],
          ...check,
        })),
      },
    ]);

  test("gives a finding for each comment of a check that is CRITICAL or WARNING", () => {
    const other = { path: "", summary: "No containers defined", description: "" };
    expect(findingsOf(scores({ comments: [comment, other] }, { grade: 5, check: { id: "x" } }))).toEqual([
      { ...finding, container: undefined, summary: "No containers defined", description: "" },
      finding,
      { ...finding, check: "x", critical: false },
    ]);
  });

  test("gives one for a CRITICAL check without a comment too", () => {
    expect(findingsOf(scores({ comments: null }))).toEqual([
      { ...finding, container: undefined, summary: "", description: "" },
    ]);
  });

  test("gives none for a check that passes or is skipped, nor for a stack without objects that it knows", () => {
    expect(findingsOf(scores({ grade: 7 }, { grade: 10 }, { skipped: true }))).toEqual([]);
    expect(findingsOf("null")).toEqual([]);
  });
});

describe("the judgement", () => {
  test("holds where every CRITICAL finding has an exception", () => {
    expect(judge([finding], [exception])).toEqual({ ok: true, lines: ["apps: 0 CRITICAL, 1 excepted, 0 WARNING"] });
  });

  test("fails on a CRITICAL finding without one, with object, container, check, message and what to do", () => {
    expect(judge([finding], [])).toEqual({
      ok: false,
      lines: [
        "apps: 1 CRITICAL, 0 excepted, 0 WARNING",
        "  FAIL  StatefulSet spire/spire-server, container spire-server: container-resources: CPU limit is not set. Set resources.limits.cpu",
      ],
    });
  });

  test.each<[string, Partial<Finding>]>([
    ["object", { object: "DaemonSet spire/spire-agent" }],
    ["container", { container: "spire-controller-manager" }],
    ["container, for none", { container: undefined }],
    ["check", { check: "pod-probes" }],
    ["message", { summary: "Memory limit is not set" }],
  ])("takes no exception for a finding with another %s", (_, difference) => {
    expect(judge([finding, { ...finding, ...difference }], [exception])).toMatchObject({ ok: false });
  });

  test("shows a WARNING and does not fail on it, nor does it count for an exception", () => {
    const warning = { ...finding, critical: false };
    expect(judge([warning], [])).toMatchObject({
      ok: true,
      lines: ["apps: 0 CRITICAL, 0 excepted, 1 WARNING", expect.stringContaining("warn  StatefulSet")],
    });
    expect(judge([warning], [exception])).toMatchObject({ ok: false });
  });

  test("fails on an exception that nothing needs any more, and says to remove it", () => {
    const { ok, lines } = judge([finding], [{ ...exception, containers: ["spire-server", "gone"] }]);
    expect(ok).toBe(false);
    expect(lines.slice(1)).toEqual([
      "FAIL  StatefulSet spire/spire-server, container gone: container-resources: CPU limit is not set: no longer found in any stack; remove the exception from cli/score/exceptions.ts",
    ]);
  });

  test("keeps an exception that one stack needs", () => {
    const stacks = [
      { stack: "apps", findings: [finding] },
      { stack: "infra", findings: [] },
    ];
    expect(judgeFindings(stacks, [exception])).toMatchObject({ ok: true });
  });

  test("holds exactly where the CRITICAL findings are the exceptions", () => {
    const some = fc.uniqueArray(
      fc.record({
        object: fc.constantFrom("a", "b"),
        check: fc.constantFrom("c", "d"),
        summary: fc.constantFrom("e", "f"),
      }),
      { selector: (x) => JSON.stringify(x) },
    );
    fc.assert(
      fc.property(some, some, (found, excepted) => {
        const findings = found.map((found) => ({ ...finding, ...found }));
        const exceptions = excepted.map(({ summary, ...rest }) => ({ ...exception, ...rest, summaries: [summary] }));
        const same =
          JSON.stringify(found.map((x) => JSON.stringify(x)).sort()) ===
          JSON.stringify(excepted.map((x) => JSON.stringify(x)).sort());
        expect(judge(findings, exceptions).ok).toBe(same);
      }),
    );
  });
});

test("every exception has a reason", () => {
  for (const { reason } of exceptions) expect(reason).toMatch(/^\w.+\.$/);
});

test("npm run score says in one line that it needs Go, and where to get it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-score-"));
  try {
    const bundle = join(directory, "score.js");
    await build({
      entryPoints: [join(root, "cli/score/main.ts")],
      bundle: true,
      platform: "node",
      target: "node20",
      outfile: bundle,
    });
    const { status, stdout, stderr } = spawnSync(process.execPath, [bundle], {
      cwd: root,
      encoding: "utf8",
      env: { PATH: directory },
    });
    expect({ status, stdout, stderr }).toEqual({
      status: 2,
      stdout: "",
      stderr: "Go is not installed, with which the tools are built: get 1.26 or later from go.dev/doc/install\n",
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});
