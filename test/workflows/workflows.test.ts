import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type * as Parser from "@actions/workflow-parser";
import { build } from "esbuild";
import { load } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../support/command";
import { root } from "../support/stacks";

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Job {
  readonly if?: string;
  readonly permissions?: object;
  readonly environment?: string;
  readonly steps: readonly Step[];
}
interface Workflow {
  readonly on: unknown;
  readonly permissions: object;
  readonly jobs: Readonly<Record<string, Job>>;
}
const names = ["pull-request", "deploy"];
const textOf = (name: string) => readFileSync(join(root, `.github/workflows/${name}.yml`), "utf8");
const pullRequest = load(textOf("pull-request")) as Workflow;
const gitlab = load(readFileSync(join(root, "docs/gitlab-ci.yml"), "utf8")) as Record<string, { script: string[] }>;

/** GitHub's parser of workflows; bundled, since it imports JSON as bundlers do and Node does not. */
const parser = (async () => {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-parser-"));
  const outfile = join(directory, "parser.js");
  const stdin = { contents: 'export * from "@actions/workflow-parser"', resolveDir: root };
  await build({ stdin, bundle: true, platform: "node", outfile });
  const module = (await import(outfile)) as typeof Parser;
  rmSync(directory, { recursive: true });
  return module;
})();

describe.each(names)("the workflow %s", (name) => {
  test("is one to GitHub's own parser", async () => {
    const { NoOperationTraceWriter, parseWorkflow } = await parser;
    const { context, value } = parseWorkflow({ name, content: textOf(name) }, new NoOperationTraceWriter());
    expect(context.errors.getErrors().map(({ message }) => message)).toEqual([]);
    expect(value).toBeDefined();
  });

  test("has no right but to read, and puts nothing that somebody else wrote into a script", () => {
    expect((load(textOf(name)) as Workflow).permissions).toEqual({ contents: "read" });
    for (const { steps } of Object.values((load(textOf(name)) as Workflow).jobs))
      for (const { run = "" } of steps) expect(run).not.toContain("${{");
  });
});

describe("the workflow of a pull request", () => {
  const { render, preview, comment } = pullRequest.jobs;

  test("runs a change's code with no token that writes, and with no secret outside of the preview's environment", () => {
    expect(pullRequest.on).toBe("pull_request");
    expect([render?.permissions, preview?.permissions]).toEqual([undefined, undefined]);
    expect(comment?.permissions).toEqual({ contents: "read", "pull-requests": "write" });
    expect(comment?.steps[0]?.with).toMatchObject({ ref: "${{ github.event.pull_request.base.sha }}" });
    for (const { steps } of Object.values(pullRequest.jobs))
      for (const { uses = "", with: given } of steps)
        if (uses.startsWith("actions/checkout")) expect(given).toMatchObject({ "persist-credentials": false });
    expect(JSON.stringify(render)).not.toMatch(/secrets|token/i);
    expect(JSON.stringify(comment)).not.toContain("secrets");
  });

  test("previews only what is of this repository, and only where there are credentials", () => {
    expect(preview?.if).toContain("vars.PULUMI_BACKEND_URL");
    expect(preview?.if).toContain("github.event.pull_request.head.repo.full_name == github.repository");
    expect(preview?.environment).toMatch(/^preview-/);
  });
});

/** A clone with one change, and programs that stand for what is not here: `npm ci`, which only links what is installed, and the Pulumi that npx brings. */
describe("the steps that need no secret", { timeout: 300_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-workflow-"));
  const clone = join(directory, "clone");
  const programs = join(directory, "programs");
  const output = join(directory, "output");
  const posted: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += String(part)));
    request.on("end", () => {
      if (request.method === "POST") posted.push((JSON.parse(body) as { body: string }).body);
      response.end(request.url?.endsWith("/user") ? '{"id":7}' : "[]");
    });
  });
  const path = [programs, process.env["PATH"]].join(delimiter);
  let api: string;
  const git = (...args: string[]) => {
    const given = ["-c", "user.name=x", "-c", "user.email=x@example.org", ...args];
    const { status, stdout, stderr } = spawnSync("git", given, { cwd: clone, encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return stdout.trim();
  };
  const program = (name: string, text: string) => {
    writeFileSync(join(programs, name), text);
    chmodSync(join(programs, name), 0o755);
  };
  /** Runs a step as GitHub's runner does. */
  const run = (script: string, env: NodeJS.ProcessEnv = {}, cwd = clone) =>
    runProgram("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd, {
      ...{ PATH: path, HOME: directory, RUNNER_TEMP: directory, GITHUB_OUTPUT: output },
      ...env,
    });
  const step = (job: string, name: string) =>
    pullRequest.jobs[job]?.steps.find((candidate) => candidate.name === name || candidate.run?.startsWith(name))?.run ??
    expect.fail(`${job} has no step ${name}`);

  beforeAll(async () => {
    mkdirSync(programs);
    const npm = spawnSync("which", ["npm"], { encoding: "utf8" }).stdout.trim();
    program(
      "npm",
      `#!/bin/sh\n[ "$1" = ci ] && { [ -e node_modules ] || ln -s ${root}/node_modules node_modules; exit; }\nexec ${npm} "$@"\n`,
    );
    program("npx", `#!/bin/sh\nprintf '%s' "$*" > ${directory}/asked\n${previewThatFails}`);
    mkdirSync(clone);
    for (const part of [
      "cli",
      "core",
      "components",
      "config",
      "plan",
      "live",
      "policy",
      "package.json",
      ".gitignore",
      "Pulumi.yaml",
      "Pulumi.apps.yaml",
      "Pulumi.infra.yaml",
    ])
      cpSync(join(root, part), join(clone, part), { recursive: true });
    // As a symbolic link too.
    writeFileSync(join(clone, ".gitignore"), "node_modules\n.build/\n");
    git("init", "--quiet", "--initial-branch", "main");
    git("add", ".");
    git("commit", "--quiet", "--message", "before");
    const file = join(clone, "Pulumi.apps.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("zero-trust:auth: true", "zero-trust:auth: false"));
    git("commit", "--quiet", "--all", "--message", "after");
    symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  const reset = () => {
    rmSync(join(clone, ".build"), { recursive: true, force: true });
    rmSync(join(clone, "change"), { recursive: true, force: true });
    git("worktree", "prune");
    posted.length = 0;
  };
  const ok = { status: 0, stdout: "", stderr: "" };
  const says = () => {
    expect(posted).toHaveLength(1);
    expect(posted[0]).toContain("| `apps` | **on → off** |");
    expect(posted[0]).toMatch(/\| `infra` \| on \| ✅ [^|]+ \| no change \| none \| not run \|/);
    expect(posted[0]).toContain("**`pulumi preview` failed.**");
    expect(posted[0]).toContain("| ❌ | `resume` | `zero-trust:auth is wrong` |");
    expect(posted[0]).not.toContain("a value");
  };

  test("of GitHub's workflow make one comment of a change", async () => {
    reset();
    expect(await run(step("render", "Stacks"))).toEqual(ok);
    expect(readFileSync(output, "utf8")).toBe('stacks=["apps","infra"]\n');
    const before = await run(step("render", "Render what was before"));
    expect({ ...before, said: readFileSync(join(clone, "change/base.txt"), "utf8") }).toMatchObject({
      status: 0,
      said: "",
    });
    expect(await run(step("render", "Render what comes"))).toEqual(ok);
    const previewed = await run(step("preview", "Preview"), { STACK: "apps", KUBECONFIG_CONTENT: "x" });
    expect(previewed).toEqual({ status: 1, stdout: "it failed\n", stderr: "" });
    expect(readFileSync(join(directory, "asked"), "utf8")).toMatch(
      /^--yes pulumi@[\d.]+ preview --json .*--stack apps$/,
    );
    const event = join(directory, "event.json");
    writeFileSync(event, JSON.stringify({ pull_request: { number: 1 } }));
    const github = { GITHUB_ACTIONS: "true", GITHUB_API_URL: api, GITHUB_REPOSITORY: "a/b", GITHUB_TOKEN: "x" };
    const { stdout, stderr } = await run(step("comment", "npm run"), { ...github, GITHUB_EVENT_PATH: event });
    expect({ stdout, stderr }).toEqual({ stdout: "The comment was created.\n", stderr: "" });
    says();
  });

  test("of GitLab's pipeline do too", async () => {
    reset();
    const job = (name: string, env: NodeJS.ProcessEnv) => run((gitlab[name]?.script ?? []).join("\n"), env);
    const base = git("rev-parse", "HEAD^1");
    expect(await job("render", { CI_MERGE_REQUEST_DIFF_BASE_SHA: base })).toMatchObject({ status: 0 });
    expect(await job("preview", { STACK: "apps" })).toMatchObject({ status: 1 });
    git("branch", "--force", "target", base);
    const merge = { CI_MERGE_REQUEST_PROJECT_ID: "3", CI_MERGE_REQUEST_IID: "1", GITLAB_TOKEN: "x" };
    git("remote", "add", "origin", clone);
    const done = await job("comment", {
      ...{ GITLAB_CI: "true", CI_API_V4_URL: api, CI_MERGE_REQUEST_TARGET_BRANCH_NAME: "target" },
      ...merge,
    });
    expect([done.status, done.stdout]).toEqual([0, expect.stringContaining("The comment was created.")]);
    says();
  });
});

const digest = {
  config: { "zero-trust:auth": "a value" },
  steps: [],
  diagnostics: [{ message: "error: resume: zero-trust:auth is wrong", severity: "error" }],
};
const previewThatFails = `printf '%s' '${JSON.stringify(digest)}'\necho 'it failed' >&2\nexit 255\n`;
