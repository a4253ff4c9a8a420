import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fakeNodes } from "../../../lab/fakeNodes";
import { until } from "../../../lab/until";
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

  /** All that the next update needs, which goes on until the next fault. */
  afterAll(() => {
    stack.plane.kubectl(["uncordon", ...kwokNodes]);
    stack.plane.kubectl(["delete", "node", broken]);
    stack.plane.kubectl(["delete", ...pod, "--force"]);
  });
});

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

describe("a CSI driver", () => {
  const uids = () =>
    ["csidriver/csi.spiffe.io", "daemonset/spiffe-csi-driver"].map((object) =>
      stack.plane.kubectl(["get", object, "--namespace", "spire", "--output", "jsonpath={.metadata.uid}"]),
    );

  test("that somebody else has brought stops the update before anything is written, though no field of it would change", () => {
    const spec = {
      attachRequired: false,
      podInfoOnMount: true,
      fsGroupPolicy: "None",
      volumeLifecycleModes: ["Ephemeral"],
    };
    const metadata = { name: "csi.spiffe.io" };
    stack.apply("helm", [{ apiVersion: "storage.k8s.io/v1", kind: "CSIDriver", metadata, spec }]);
    stack.set("spire.csi", "{}");
    const written = stack.watchWrites();
    expect(stack.failingUp(withoutPack)).toContain("The CSIDriver csi.spiffe.io is somebody else's (helm)");
    expect(written()).toEqual([]);
  });

  test("stays with all that is of it when it leaves the configuration, and is taken up again when it comes back", () => {
    stack.plane.kubectl(["delete", "csidriver", "csi.spiffe.io"]);
    stack.up(withoutPack);
    const before = uids();
    stack.project.must(["config", "rm", "--stack", "apps", "--path", "spire.csi"]);
    const written = stack.watchWrites();
    stack.up(withoutPack);
    expect(written().filter(({ object }) => object.includes("csi"))).toEqual([]);
    stack.set("spire.csi", "{}");
    stack.up(withoutPack);
    expect(uids()).toEqual(before);
  });
});
