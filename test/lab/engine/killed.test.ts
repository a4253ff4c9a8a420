import { resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundle } from "../../../cli/bundle";
import { describeObject } from "../../../components/kubernetes";
import type { Done } from "../../../lab/project";
import { LabStack, policy, withoutPack } from "./stack";

// The engine and the provider are killed (SIGKILL) after each write of an update in turn. The write after which a run is killed is not recorded, so that the next run begins with it; killed after the second one,
// each run gets one write further.

let stack: LabStack;
beforeAll(async () => {
  stack = await LabStack.start();
});
afterAll(() => stack?.stop());

const killedAfter = (write: number) => ({ ...withoutPack, ZT_KILL_AFTER_WRITE: String(write) });
const up = (environment: NodeJS.ProcessEnv) =>
  stack.project.pulumi(["up", "--yes", "--skip-preview", "--stack", "apps"], environment);

/** Runs a command until it ends by itself; how many times it was killed. The lock of a killed engine is what `pulumi cancel` is for. */
function killedAfterEachWrite(run: (environment: NodeJS.ProcessEnv) => Done, mostWrites: number): number {
  for (let kills = 0; kills <= mostWrites; kills++) {
    const { status, output } = run(killedAfter(kills === 0 ? 1 : 2));
    if (status === 0) return kills;
    expect(output).not.toContain("error:");
    stack.project.must(["cancel", "--yes", "--stack", "apps"]);
  }
  return expect.fail(`it was killed more than ${mostWrites} times`);
}

test("the first update ends where it should, killed after each of its writes", () => {
  expect(killedAfterEachWrite(up, 40)).toBeGreaterThan(15);
  expect(stack.recorded()).toEqual({ auth: true, phase: "allow" });
  expect(stack.up(withoutPack)).toMatch(/Resources:\n +\d+ unchanged/);
});

test("an update that demands authentication does too", () => {
  stack.rollCilium();
  expect(killedAfterEachWrite(up, 5)).toBeGreaterThan(0);
  expect(stack.recorded()).toEqual({ auth: true, phase: "require" });
  expect(stack.demands()[policy]).toEqual(["required"]);
});

test("so does one that turns authentication off", () => {
  stack.set("auth", "false");
  expect(killedAfterEachWrite(up, 5)).toBeGreaterThan(1);
  expect(stack.recorded()).toEqual({ auth: false, phase: "allow" });
  expect(Object.values(stack.demands()).flat()).toEqual([]);
  expect(stack.enabled()).toBe(false);
});

test("a teardown leaves exactly what is retained, killed after each of its deletions", () => {
  const command = resolve(".build", "test-killed-teardown.js");
  bundle("cli/teardown.ts", command, ["@kubernetes/client-node"]);
  const teardown = (environment: NodeJS.ProcessEnv) =>
    stack.project.command(command, ["--stack", "apps", "--yes"], environment);
  expect(killedAfterEachWrite(teardown, 40)).toBeGreaterThan(10);
  expect(stack.objects().map(describeObject).sort()).toEqual([
    "ClusterStaticEntry cilium-agent",
    "ClusterStaticEntry cilium-node-alias",
    "ClusterStaticEntry cilium-operator",
    "CustomResourceDefinition clusterstaticentries.spire.spiffe.io",
    "Namespace spire",
    "PersistentVolumeClaim spire/spire-data",
  ]);
});
