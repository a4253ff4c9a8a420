import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withLock } from "../../lab/lock";
import { isRunning } from "../../lab/processes";
import { readState } from "../../lab/state";
import { buildTools } from "../../tools/go";
import { root } from "../support/stacks";

/** A project of its own, so that nobody's lab is touched; the programs are those of this one. */
const project = mkdtempSync(join(tmpdir(), "zero-trust-test-"));
const directory = join(project, ".build", "lab");
const bundle = join(project, "lab.js");
let kubectl: string;

const lab = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bundle, ...args], { cwd: project, encoding: "utf8" });
  return { status, stdout, stderr };
};

beforeAll(async () => {
  const programs = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok"] as const;
  kubectl = buildTools(programs).kubectl;
  mkdirSync(join(project, ".build"));
  for (const part of ["tools", "lab"]) symlinkSync(join(root, part), join(project, part));
  symlinkSync(join(root, ".build", "bin"), join(project, ".build", "bin"));
  await build({
    entryPoints: [join(root, "lab/lab.ts")],
    bundle: true,
    platform: "node",
    target: "node20",
    outfile: bundle,
  });
});
afterAll(() => {
  lab("down");
  rmSync(project, { recursive: true });
});

describe("npm run lab", () => {
  test("says what may be written where it is told something else", () => {
    const wrong = (...args: string[]) => {
      const { status, stdout, stderr } = lab(...args);
      expect([status, stdout]).toEqual([2, ""]);
      return stderr.split("\n")[0];
    };
    expect(wrong()).toBe("No command: write up, status, down or demo");
    expect(wrong("start")).toBe("start: write up, status, down or demo");
    expect(wrong("up", "down")).toBe("up down: write up, status, down or demo");
    expect(wrong("up", "--nodes", "many")).toBe("--nodes many: write a number from 0 to 999");
    expect(wrong("down", "--nodes", "1")).toMatch(/^--nodes is for up alone/);
    expect(wrong("up", "--replicas", "3")).toMatch(/^Unknown option '--replicas'/);
    expect(lab("--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("npm run lab -- up") as string });
  });

  test("knows where none runs, and has nothing to end there", () => {
    expect(lab("status")).toMatchObject({ status: 1, stdout: "No lab runs here; npm run lab -- up starts it\n" });
    expect(lab("down")).toEqual({ status: 0, stdout: "No lab runs here\n", stderr: "" });
  });

  test("starts it, says how it is doing and how to reach it, and ends it with nothing left", () => {
    const reach = `export KUBECONFIG=${join(directory, "kubeconfig")}\n`;
    expect(lab("up", "--nodes", "3")).toEqual({ status: 0, stdout: reach, stderr: "" });
    const nodes = spawnSync(kubectl, ["get", "nodes", "--output=name"], {
      env: { KUBECONFIG: join(directory, "kubeconfig"), KUBECACHEDIR: join(project, "cache") },
      encoding: "utf8",
    });
    expect(nodes.stdout).toBe("node/node-1\nnode/node-2\nnode/node-3\n");

    const { status, stdout } = lab("status");
    expect(status).toBe(0);
    for (const name of ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"])
      expect(stdout).toMatch(new RegExp(`^${name} +v[\\d.]+ +\\d+ +ready$`, "m"));
    expect(stdout).toContain(reach);

    const { processes } = readState(directory)!;
    expect(lab("up")).toMatchObject({
      status: 0,
      stdout: reach,
      stderr: expect.stringMatching(/^The lab runs already/) as string,
    });
    expect(readState(directory)!.processes).toEqual(processes);

    expect(lab("down")).toEqual({ status: 0, stdout: "The lab is down, and its files are gone\n", stderr: "" });
    expect(processes.filter(isRunning)).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  }, 300_000);

  test("sees that a program has ended, and starts all of it anew", () => {
    expect(lab("up", "--nodes", "0")).toMatchObject({ status: 0, stderr: "" });
    const before = readState(directory)!.processes;
    process.kill(before.find(({ name }) => name === "kwok")!.pid, "SIGKILL");
    const { status, stdout } = lab("status");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^kwok .* ended$/m);

    expect(lab("up", "--nodes", "0")).toMatchObject({
      status: 0,
      stderr: "The lab that was here has crashed: removing what is left\n",
    });
    expect(before.filter(isRunning)).toEqual([]);
    expect(lab("status").status).toBe(0);
    lab("down");
  }, 300_000);
});

describe("the lock of a directory", () => {
  const here = join(project, "locked");

  test("keeps a second one out as long as the first is at work, and lets it in when that has failed", async () => {
    const failing = withLock(here, async () => {
      await expect(withLock(here, () => Promise.resolve())).rejects.toThrow(/Another process starts or ends the lab/);
      throw new Error("failed");
    });
    await expect(failing).rejects.toThrow("failed");
    expect(await withLock(here, () => Promise.resolve("in"))).toBe("in");
  });

  test("does not concern another directory", async () => {
    expect(await withLock(here, () => withLock(`${here}-2`, () => Promise.resolve("in")))).toBe("in");
  });

  test("ends with the process that has it, however that ends", async () => {
    const script = join(project, "locked.js");
    const code = `import { withLock } from ${JSON.stringify(join(root, "lab/lock"))};
      void withLock(${JSON.stringify(here)}, async () => process.kill(process.pid, "SIGKILL"));`;
    await build({
      stdin: { contents: code, resolveDir: project },
      bundle: true,
      platform: "node",
      target: "node20",
      outfile: script,
    });
    expect(spawnSync(process.execPath, [script]).signal).toBe("SIGKILL");
    expect(await withLock(here, () => Promise.resolve("in"))).toBe("in");
  });
});
