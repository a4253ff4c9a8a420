import { resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundle } from "../../../cli/lib/bundle";
import { describeObject } from "../../../core/util/kubernetes";
import type { Done } from "../../../lab/project";
import { LabStack, policy, retained, withoutPack } from "./stack";

// The engine and the provider are killed (SIGKILL) after a write, the next run after its second one, and so on, until a run ends by itself. What was written last is never recorded, and of writes that
// go on at a time some are not.

let stack: LabStack;
beforeAll(async () => {
  stack = await LabStack.start();
});
afterAll(() => stack?.stop());

const killedAfter = (write: number) => ({ ...withoutPack, ZT_KILL_AFTER_WRITE: String(write) });
const up = (environment: NodeJS.ProcessEnv) =>
  stack.project.pulumi(["up", "--yes", "--skip-preview", "--stack", "apps"], environment);

/** Runs a command, killed one write later each time, until it ends by itself: how many times it was killed. The lock of a killed engine is what `pulumi cancel` is for. */
function killedUntilDone(run: (environment: NodeJS.ProcessEnv) => Done, mostWrites: number): number {
  for (let kills = 0; kills <= mostWrites; kills++) {
    const { status, output } = run(killedAfter(kills + 1));
    if (status === 0) return kills;
    expect(output).not.toContain("error:");
    stack.project.must(["cancel", "--yes", "--stack", "apps"]);
  }
  return expect.fail(`it was killed more than ${mostWrites} times`);
}

test("the first update ends where it should, killed again and again", () => {
  expect(killedUntilDone(up, 40)).toBeGreaterThan(5);
  expect(stack.recorded()).toEqual({ auth: true, phase: "allow" });
  expect(stack.up(withoutPack)).toMatch(/Resources:\n +\d+ unchanged/);
});

test("an update that demands authentication does too", () => {
  stack.rollCilium();
  expect(killedUntilDone(up, 5)).toBeGreaterThan(0);
  expect(stack.recorded()).toEqual({ auth: true, phase: "require" });
  expect(stack.demands()[policy]).toEqual(["required"]);
});

test("so does one that turns authentication off", () => {
  stack.set("auth", "false");
  expect(killedUntilDone(up, 5)).toBeGreaterThan(0);
  expect(stack.recorded()).toEqual({ auth: false, phase: "allow" });
  expect(Object.values(stack.demands()).flat()).toEqual([]);
  expect(stack.enabled()).toBe(false);
});

test("a teardown leaves exactly what is retained, killed again and again", () => {
  const command = resolve(".build", "test-killed-teardown.js");
  bundle("cli/teardown/main.ts", command, ["@kubernetes/client-node"]);
  const teardown = (environment: NodeJS.ProcessEnv) =>
    stack.project.command(command, ["--stack", "apps", "--yes"], environment);
  expect(killedUntilDone(teardown, 40)).toBeGreaterThan(5);
  expect(stack.objects().map(describeObject).sort()).toEqual(retained);
});
