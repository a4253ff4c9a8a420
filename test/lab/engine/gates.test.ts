import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LabStack, withoutPack } from "./stack";

let stack: LabStack;
beforeAll(async () => {
  stack = await LabStack.start();
});
afterAll(() => stack?.stop());

/** A pod of Cilium's that is ready on a node where SPIRE has no agent. */
function runCiliumElsewhere(): void {
  const metadata = { name: "cilium-elsewhere", namespace: "kube-system" };
  const spec = { nodeName: "elsewhere", containers: [{ name: "cilium-agent", image: "cilium" }] };
  const labels = { "k8s-app": "cilium" };
  stack.apply("helm", [{ apiVersion: "v1", kind: "Pod", metadata: { ...metadata, labels }, spec }]);
  const status = { conditions: [{ type: "Ready", status: "True" }] };
  stack.plane.kubectl([
    ...["patch", "pod", metadata.name, "--namespace", metadata.namespace, "--subresource", "status"],
    ...["--type", "merge", "--patch", JSON.stringify({ status })],
  ]);
}

describe("a node that Cilium runs on, and SPIRE does not", () => {
  test("stops the update after SPIRE and before Cilium, and says where to look", () => {
    runCiliumElsewhere();
    const output = stack.failingUp(withoutPack);
    expect(output).toContain(
      "Cilium runs on elsewhere, but no SPIRE agent is ready there, so Cilium is left as it is.",
    );
    expect(output).not.toMatch(/at .*\.(ts|js):\d+/);
    expect(stack.plane.kubectl(["get", "daemonset", "--namespace", "spire", "--output", "name"])).toContain(
      "spire-agent",
    );
    expect(stack.plane.kubectl(["get", "configmaps", "--namespace", "kube-system", "--output", "name"])).not.toContain(
      "zero-trust-values",
    );
    expect(stack.recorded()).toBeUndefined();
  });

  test("is all that the next update needs to be rid of", () => {
    stack.plane.kubectl(["delete", "pod", "cilium-elsewhere", "--namespace", "kube-system", "--force"]);
    stack.up(withoutPack);
    expect(stack.recorded()).toEqual({ auth: true, phase: "allow" });
  });
});
