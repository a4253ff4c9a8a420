import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { LabStack, policy } from "./stack";

/**
 * What `pulumi stack export` said of the stack `apps`, in `require`, while each target had a policy of its own (commit 9b3b274); the
 * cluster is `CLUSTER`, its kubeconfig `KUBECONFIG`, and times, managed fields, places in the program and the key were left out.
 */
const kept = "test/lab/engine/kept/apps.json";

/** The policy of its one target, as that version called it. */
const earlier = "allow-api-8080-b4b4b80e";

interface Deployment {
  readonly deployment: { readonly resources: readonly { readonly type: string; readonly inputs?: object }[] };
}

const isObject = ({ type }: { readonly type: string }) =>
  type.startsWith("kubernetes:") && !type.startsWith("kubernetes:helm");

describe("a program that is newer than what is deployed", () => {
  let stack: LabStack;
  beforeAll(async () => {
    stack = await LabStack.start();
    const text = readFileSync(kept, "utf8")
      .replaceAll("CLUSTER", stack.identity)
      .replaceAll("KUBECONFIG", stack.plane.kubeconfig);
    const { deployment } = JSON.parse(text) as Deployment;
    const objects = deployment.resources.filter(isObject).map(({ inputs }) => inputs as KubernetesObject);
    // One at a time: a custom resource needs its kind, and everything its namespace.
    for (const object of objects) stack.apply("zero-trust", [object]);
    stack.rollCilium();
    const file = join(stack.project.directory, "kept.json");
    writeFileSync(file, text);
    stack.project.must(["stack", "import", "--stack", "apps", "--file", file]);
    expect(stack.recorded()).toEqual({ auth: true, phase: "require" });
    expect(stack.demands()).toEqual({ [earlier]: ["required"], "zero-trust-deny-all": [] });
  });
  afterAll(() => stack?.stop());

  test("turns authentication off in its first update, in place", () => {
    const written = stack.watchWrites();
    stack.set("auth", "false");
    stack.up();
    stack.rollCilium();
    expect(stack.recorded()).toEqual({ auth: false, phase: "allow" });
    expect(stack.demands()).toEqual({ [earlier]: [], "zero-trust-deny-all": [] });
    expect(written().filter(({ verb }) => verb === "delete" || verb === "create")).toEqual([]);
  });

  test("brings the rest up to date, in place, makes one policy of those for each target, and then changes nothing", () => {
    const written = stack.watchWrites();
    // The second of these updates makes the policy of the namespace, beside the others and without a demand.
    stack.turnOn();
    expect(stack.recorded()).toEqual({ auth: true, phase: "require" });
    expect(stack.demands()).toEqual({ [earlier]: ["required"], "zero-trust-deny-all": [], [policy]: [] });
    expect(written().filter(({ verb }) => verb === "delete")).toEqual([]);
    stack.up();
    expect(stack.demands()).toEqual({ [earlier]: [], [policy]: ["required"] });
    stack.up();
    expect(stack.demands()).toEqual({ [policy]: ["required"] });
    expect(stack.up()).toMatch(/Resources:\n +\d+ unchanged/);
  });
});
