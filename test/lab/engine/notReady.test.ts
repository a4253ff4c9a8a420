import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fakeNodes } from "../../../lab/fakeNodes";
import { until } from "../../../lab/until";
import { LabStack, withoutPack } from "./stack";

let stack: LabStack;
beforeAll(async () => {
  stack = await LabStack.start();
});
afterAll(() => stack?.stop());

describe("a server of SPIRE's whose image cannot be pulled", () => {
  const kwokNodes = ["node-1", "node-2"];
  /** A node whose kubelet is this test. */
  const broken = "broken";
  const pod = ["pod", "spire-server-0", "--namespace", "spire"];

  beforeAll(() => {
    const [node] = (JSON.parse(fakeNodes(1)) as { items: { status: object }[] }).items;
    const status = { ...node?.status, conditions: [{ type: "Ready", status: "True" }] };
    stack.apply("lab", [{ apiVersion: "v1", kind: "Node", metadata: { name: broken }, status }]);
    stack.plane.kubectl(["cordon", ...kwokNodes]);
  });

  test("ends the update after a minute and before what relies on SPIRE, and says which image and where to look", async () => {
    const written = stack.watchWrites();
    const update = stack.startUp();
    const nodeOf = () =>
      stack.plane.kubectl(["get", ...pod, "--ignore-not-found", "--output", "jsonpath={.spec.nodeName}"]);
    await until("the server's pod is on the node", () => nodeOf() === broken, { seconds: 120 });
    const waiting = { reason: "ErrImagePull", message: "not found" };
    const container = { name: "spire-server", image: "spire-server:gone", imageID: "", ready: false, restartCount: 0 };
    const status = { containerStatuses: [{ ...container, state: { waiting } }] };
    stack.plane.kubectl([
      ...["patch", ...pod, "--subresource", "status", "--type", "merge"],
      ...["--patch", JSON.stringify({ status })],
    ]);
    const { output } = await update;
    expect(output).toContain(
      "SPIRE is not ready: StatefulSet spire-server has 0 of 1 pods ready: " +
        "pod spire-server-0 cannot pull the image spire-server:gone (ErrImagePull): not found. So what relies on it is left as it is.",
    );
    expect(output).toContain("kubectl --namespace spire describe statefulset spire-server");
    expect(output).not.toMatch(/at .*\.(ts|js):\d+/);
    const objects = written().map(({ object }) => object);
    expect(objects).toContain("statefulsets spire/spire-server");
    expect(objects.filter((object) => /^daemonsets |zero-trust-values$/.test(object))).toEqual([]);
    expect(stack.recorded()).toBeUndefined();
  });

  test("is all that the next update needs to have mended", () => {
    stack.plane.kubectl(["uncordon", ...kwokNodes]);
    stack.plane.kubectl(["delete", "node", broken]);
    stack.plane.kubectl(["delete", ...pod, "--force"]);
    stack.up(withoutPack);
    expect(stack.recorded()).toEqual({ auth: true, phase: "allow" });
  });
});
