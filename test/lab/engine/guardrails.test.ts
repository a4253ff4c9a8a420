import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { LocalWorkspace } from "@pulumi/pulumi/automation";
import { readPreview, withoutValues } from "../../../cli/comment/preview";
import { guardrails } from "../../../policy/guardrails";
import { LabStack, withoutPack, withoutPreflight } from "./stack";
import type { Write } from "./audit";

const isSet = (entry: [string, string | undefined]): entry is [string, string] => entry[1] !== undefined;

describe("a mandatory violation stops an update before the API server has seen a write", () => {
  let stack: LabStack;
  let program: string;
  let written: () => Write[];
  /** What the README shows of it. */
  const readme =
    /^ +error: one-step: (?:.*\n)+?```/m.exec(readFileSync("README.md", "utf8"))?.[0].split("\n").slice(0, -1) ??
    expect.fail();
  const write = (text: string) => writeFileSync(join(stack.project.directory, "program/deploy.ts"), text);
  beforeAll(async () => {
    stack = await LabStack.start();
    program = readFileSync(join(stack.project.directory, "program/deploy.ts"), "utf8");
    stack.set("rollout.phases.kube-system", "require");
    written = stack.watchWrites();
  });
  afterEach(() => {
    expect(written()).toEqual([]);
    write(program);
  });
  afterAll(() => stack?.stop());

  test("by the program's preflight alone, without the policy pack", () => {
    const output = stack.failingUp(withoutPack);
    expect(output).toMatch(/error: [^]*protected-namespaces: zero-trust:rollout\.phases\.kube-system is require/);
    expect(output).not.toContain("zero-trust@v");
  });

  test("and a pull request says so, from what the engine's preview prints as JSON", () => {
    const { status, output } = stack.project.pulumi(["preview", "--json", "--stack", "apps"]);
    const names = guardrails.map(({ name }) => name);
    const preview = readPreview(output, "", status !== 0, names);
    expect(preview).toMatchObject({ failed: true, errors: [] });
    expect(preview.verdicts.filter(({ mandatory }) => mandatory).map(({ guardrail }) => guardrail)).toContain(
      "protected-namespaces",
    );
    expect(preview.steps.map(({ name }) => name)).toContain("spire-server");
    expect(preview.phases).toContainEqual(expect.stringMatching(/^kube-system, orders: new -> /));
    expect(withoutValues(output)).not.toContain("newState");
  });

  test("by the policy pack alone, with a program that has no preflight", () => {
    write(withoutPreflight(program));
    // The pack judges a stack when all of it is there: in an update that is too late, in the preview before it that is in time.
    const { status, output } = stack.project.pulumi(["up", "--stack", "apps", "--yes"]);
    expect(status).not.toBe(0);
    expect(output).toMatch(/\[mandatory\] +guardrails[^]*protected-namespaces: /);
    // What was before, the pack knows from what the program tells the engine of it.
    expect(output).toMatch(/one-step[^]*rollout\.phases\.kube-system goes from off to require; write observe first/);
    expect(output).not.toMatch(/error: (one-step|evidence|protected)/);
  });

  test("also where no command runs it, but a program by the Automation API, as CI actions do", async () => {
    const envVars = Object.fromEntries(Object.entries(stack.project.environment).filter(isSet));
    const workspace = { stackName: "apps", workDir: stack.project.directory };
    const automated = await LocalWorkspace.selectStack(workspace, { envVars: { ...envVars, ...withoutPack } });
    await expect(automated.up()).rejects.toThrow(
      /protected-namespaces: zero-trust:rollout\.phases\.kube-system is require/,
    );
  });

  test("and a preview with either fails, so that a pull request shows it", () => {
    for (const environment of [withoutPack, {}]) {
      const { status, output } = stack.project.pulumi(["preview", "--stack", "apps"], environment);
      expect(status).not.toBe(0);
      for (const line of readme) expect(output).toContain(line);
    }
  });

  test("also where the configuration is wrong, as one message, without a stack trace", () => {
    stack.set("cluster.cilium.delivery", "carrier-pigeon");
    const output = stack.failingUp();
    stack.set("cluster.cilium.delivery", "flux");
    expect(output).toMatch(/zero-trust:cluster\.cilium\.delivery is "carrier-pigeon"\s+allowed: flux, helm, none/);
    expect(output).not.toMatch(/\n\s+at /);
  });

  test("also where the context leads to another cluster", () => {
    const { identity } = stack;
    stack.set("rollout.phases.kube-system", "observe");
    stack.set("cluster.identity", "11111111-1111-1111-1111-111111111111");
    expect(stack.failingUp()).toContain(`leads to the cluster ${identity}, but this stack belongs to 11111111`);
  });
});
