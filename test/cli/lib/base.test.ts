import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bundleCommand } from "../../support/command";
import { root } from "../../support/stacks";

const scratch = mkdtempSync(join(tmpdir(), "zero-trust-bundle-"));
const bundle = join(scratch, "render.js");
/** A repository with the project in a directory of its own. */
let repository: string;
const project = () => join(repository, "clusters");
const file = (name: string) => join(project(), name);
const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
    cwd: repository,
    stdio: "ignore",
  });
const commit = (message: string) => {
  git("add", "--all");
  git("commit", "--message", message);
};
const render = (...options: string[]) =>
  spawnSync(process.execPath, [bundle, "--stack", "apps", ...options], { cwd: project(), encoding: "utf8" });
const differenceOf = (base: string) => {
  const { stdout } = render("--base", base, "--json");
  return (JSON.parse(stdout) as { stacks: [{ difference: { note?: string; changes?: object[]; commit: string } }] })
    .stacks[0].difference;
};
const edit = (from: string, to: string) =>
  writeFileSync(file("Pulumi.apps.yaml"), readFileSync(file("Pulumi.apps.yaml"), "utf8").replace(from, to));

beforeAll(() => bundleCommand("render", bundle));
afterAll(() => rmSync(scratch, { recursive: true }));
beforeEach(() => {
  repository = mkdtempSync(join(scratch, "repository-"));
  mkdirSync(project());
  for (const name of ["Pulumi.yaml", "Pulumi.apps.yaml"]) cpSync(join(root, name), file(name));
  git("init", "--initial-branch", "main");
  commit("one");
});

describe("npm run render -- --base", () => {
  test("says who gains and who loses access since that revision, in text and as JSON", () => {
    edit("{ namespace: billing, serviceAccount: invoicer }", "{ namespace: web, serviceAccount: admin }");
    const { status, stdout } = render("--base", "main");
    expect(status).toBe(0);
    const [, shown = ""] = stdout.split("Who gains and who loses access since main");
    expect(shown.split("\n").slice(1, 3)).toEqual([
      "    -  billing/invoicer  ->  orders/api:8080  loses access: the intent orders/api no longer names billing/invoicer",
      "    +  web/admin         ->  orders/api:8080  gains access, authenticated: the intent orders/api names web/admin now",
    ]);
    expect(differenceOf("HEAD")).toEqual({
      base: "HEAD",
      commit: expect.stringMatching(/^[0-9a-f]{40}$/) as string,
      changes: [
        expect.objectContaining({ direction: "lost", from: "billing/invoicer" }),
        expect.objectContaining({ direction: "gained", from: "web/admin", authenticated: true }),
      ],
    });
  });

  test("says so where nobody does, and reads the files that the revision's stack file names", () => {
    expect(render("--base", "main").stdout).toMatch(/since main \([0-9a-f]{12}\)\n {4}nobody\n/);
    const [before = "", access = ""] = readFileSync(file("Pulumi.apps.yaml"), "utf8").split(/ {2}zero-trust:access:\n/);
    writeFileSync(join(repository, "access.yaml"), access.replace(/^ {4}/gm, ""));
    writeFileSync(file("Pulumi.apps.yaml"), `${before}  zero-trust:accessFile: ../access.yaml\n`);
    expect(differenceOf("main").changes).toEqual([]);
    commit("two");
    writeFileSync(join(repository, "access.yaml"), access.replace(/^ {4}/gm, "").replace("port: 8080", "port: 9090"));
    expect(differenceOf("main").changes).toHaveLength(4);
  });

  test("takes everything for new where the stack was not there", () => {
    git("rm", "--cached", "clusters/Pulumi.apps.yaml");
    git("commit", "--message", "none");
    expect(differenceOf("main")).toMatchObject({
      note: "the stack apps is not in main: all of it is new",
      changes: [{ direction: "lost", from: "*", to: "orders" }, { direction: "must authenticate" }],
    });
  });

  test("goes on without, and says so, where this program cannot read what the revision has", () => {
    edit("zero-trust:auth: true", "zero-trust:authh: true");
    commit("old");
    edit("zero-trust:authh: true", "zero-trust:auth: true");
    const { changes, note } = differenceOf("main");
    expect({ changes, note }).toEqual({
      changes: undefined,
      note: expect.stringMatching(/^what main has for apps cannot be read .*: zero-trust:auth/) as string,
    });
    expect(render("--base", "main").status).toBe(0);
  });

  test.each(["nowhere", "--upload-pack=x", ""])("ends with 2 and a reason for the revision %j", (base) => {
    const { status, stderr } = render(`--base=${base}`);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining("no such revision") as string });
  });

  test("ends with 2 and a reason where there is no repository", () => {
    rmSync(join(repository, ".git"), { recursive: true });
    expect(render("--base", "main")).toMatchObject({
      status: 2,
      stderr: "--base main: this is no git repository, so there is no revision to compare with\n",
    });
  });
});
