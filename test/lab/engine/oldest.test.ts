import { afterAll, beforeAll, expect, test } from "vitest";
import { startControlPlane } from "../../../lab/controlPlane";
import { buildTool } from "../../../tools/go";
import { programs, versionOf } from "../../../tools/programs";
import { LabStack, policy } from "./stack";

let stack: LabStack;
beforeAll(async () => {
  const plane = await startControlPlane({ controllers: true, nodes: 2 });
  stack = LabStack.on(plane, buildTool("pulumi-oldest"));
});
afterAll(() => stack?.stop());

test("the first version of Pulumi's CLI that requiredPulumiVersion admits turns authentication on and off, with the policy pack", () => {
  expect(stack.project.must(["version"])).toContain(versionOf(programs["pulumi-oldest"]));
  const preview = stack.project.must(["preview", "--stack", "apps"]);
  expect(preview).toMatch(/zero-trust@v[\d.]+ \(local: policy\)/);
  stack.up();
  stack.rollCilium();
  stack.up();
  expect(stack.demands()[policy]).toEqual(["required"]);
  expect(stack.up()).toMatch(/Resources:\n +\d+ unchanged/);
  stack.set("auth", "false");
  stack.project.must(["up", "--stack", "apps", "--yes"]);
  expect(Object.values(stack.demands()).flat()).toEqual([]);
  expect(stack.recorded()).toEqual({ auth: false, phase: "allow" });
});
