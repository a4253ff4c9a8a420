import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { askAgents } from "../../../live/probes/agents";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { buildImage } from "../../../lab/nodes/images";
import { pause } from "../../../lab/nodes/node";
import { programOf } from "../../../lab/nodes/packages";
import { configOf } from "../../support/stacks";

/** As `cilium-dbg bpf policy get --all --numeric` writes them; a node whose file /fails is there cannot be asked. */
const cilium = `#!/bin/sh
[ ! -e /tmp/fails ] || exit 1
cat <<END
POLICY   DIRECTION   IDENTITY   PORT/PROTO   PROXY PORT   AUTH TYPE   BYTES   PACKETS   PREFIX   COOKIE
Allow    Ingress     23778      8080/TCP     NONE         spire       1024    12        24       0
Allow    Ingress     1          ANY          NONE         disabled    0       0         0        0
Allow    Ingress     4048       8080/TCP     NONE         spire       0       0         24       0
END
`;

describe("asked how many rules demand authentication", () => {
  const scratch = mkdtempSync(join(tmpdir(), "zero-trust-test-"));
  const { cluster } = configOf("apps");
  let plane: ControlPlane;
  beforeAll(async () => {
    writeFileSync(join(scratch, "cilium-dbg"), cilium);
    const shell = Object.fromEntries(
      ["sh", "cat", "grep", "sleep", "touch"].map((name) => [`/bin/${name}`, programOf(name)]),
    );
    const files = { ...shell, "/bin/cilium-dbg": join(scratch, "cilium-dbg") };
    const images = [
      buildImage(pause()),
      buildImage({ reference: "lab.invalid/agent:1", files, entrypoint: ["sleep", "infinity"] }),
    ];
    plane = await startControlPlane({ controllers: true, realNodes: { count: 1, images } });
    vi.stubEnv("KUBECONFIG", plane.kubeconfig);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    rmSync(scratch, { recursive: true });
    await plane?.stop();
  });

  test("nobody answers where Cilium does not run", async () => {
    expect(await askAgents(cluster)).toEqual([]);
  });

  test("an agent counts those of its node, and one that cannot is named with why", async () => {
    const container = { name: "cilium-agent", image: "lab.invalid/agent:1", imagePullPolicy: "Never" };
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "cilium-1", namespace: "kube-system", labels: { "k8s-app": "cilium" } },
      spec: { hostNetwork: true, tolerations: [{ operator: "Exists" }], containers: [container] },
    };
    plane.kubectl(["wait", "--for=create", "serviceaccount/default", "--namespace", "kube-system", "--timeout=60s"]);
    plane.kubectl(["create", "--filename", "-"], JSON.stringify(pod));
    plane.kubectl(["wait", "--for=condition=Ready", "pod/cilium-1", "--namespace", "kube-system", "--timeout=60s"]);
    expect(await askAgents(cluster)).toEqual([{ node: "node1", demanding: 2 }]);

    plane.kubectl(["exec", "cilium-1", "--namespace", "kube-system", "--", "touch", "/tmp/fails"]);
    expect(await askAgents(cluster)).toEqual([
      { node: "node1", because: expect.stringContaining("exit code 2") as string },
    ]);
  });
});
