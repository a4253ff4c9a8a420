import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { startControlPlane } from "../../../lab/controlPlane";
import { buildImage } from "../../../lab/nodes/images";
import { checkPackages } from "../../../lab/nodes/packages";
import { LabError } from "../../../lab/processes";
import { removeCrashed } from "../../../lab/state";
import { crash } from "../crash";
import { leftOf } from "./left";

const labs = () => readdirSync(tmpdir()).filter((name) => name.startsWith("zero-trust-lab-"));

test("what this machine lacks for real nodes is told with the one command that installs it", () => {
  const without = (...names: string[]) => {
    return () => checkPackages((program) => !names.includes(program));
  };
  expect(without()).not.toThrow();
  expect(without("runc")).toThrow(/^runc not found, .*: apt-get install --no-install-recommends runc$/);
  expect(without("ctr", "containerd", "clang-19")).toThrow(
    /apt-get install --no-install-recommends containerd clang-19$/,
  );
  expect(without("ipset")).toThrow(LabError);
});

describe("a real node", () => {
  const images = () => [
    buildImage({ reference: "lab.invalid/test:1", files: { "/bin/true": "/bin/true" }, entrypoint: ["/bin/true"] }),
  ];

  test("is registered by its own kubelet, and may do no more than a node may", async () => {
    const plane = await startControlPlane({ controllers: true, realNodes: { count: 1, images: images() } });
    try {
      plane.kubectl(["wait", "--for=create", "node/node1", "--timeout=60s"]);
      const image = "jsonpath={.status.images[*].names[*]} {.status.nodeInfo.kubeletVersion}";
      const node = () => plane.kubectl(["get", "node", "node1", "--output", image]);
      await expect.poll(node, { timeout: 60_000 }).toMatch(/lab\.invalid\/test:1 .*v1\.36/);
      const kubeconfig = ["--kubeconfig", `${plane.directory}/node1/kubeconfig`, "--server", plane.server];
      expect(() => plane.kubectl([...kubeconfig, "get", "secrets", "--all-namespaces"])).toThrow(/forbidden/);
      expect(() => plane.kubectl([...kubeconfig, "label", "node", "node2", "a=b"])).toThrow(/not found|forbidden/);
    } finally {
      await plane.stop();
    }
  });

  test("that cannot be made is told with its last words, and leaves nothing", async () => {
    const before = labs();
    const realNodes = { count: 1, images: ["/nowhere.tar"] };
    await expect(startControlPlane({ controllers: true, realNodes })).rejects.toThrow(
      /^node1 has ended: [^]*nowhere\.tar: no such file/,
    );
    expect(labs()).toEqual(before);
  });

  test("is cleaned up by the next start, where whoever started it was killed", async () => {
    const left = leftOf(await crash({ controllers: true, realNodes: { count: 1, images: images() } }));
    expect(left()).not.toEqual([]);
    await removeCrashed();
    expect(left()).toEqual([]);
  });
});
