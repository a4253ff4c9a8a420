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
