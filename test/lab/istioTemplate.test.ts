import { spawnSync } from "node:child_process";
import { load } from "js-yaml";
import { beforeAll, describe, expect, test } from "vitest";
import { istioValues } from "../../components/spire/addons/istio";
import { buildTool } from "../../tools/go";

/** Kubernetes' own strategic merge, with which istiod's injector puts a template over a pod (istio pkg/kube/inject/webhook.go). */
describe("the injection template that gives a proxy SPIRE's socket, merged by Kubernetes", () => {
  let kubectl: string;
  beforeAll(() => {
    kubectl = buildTool("kubectl");
  });
  const others = [
    { name: "istio-envoy", emptyDir: { medium: "Memory" } },
    { name: "own", configMap: { name: "own" } },
  ];
  const template = istioValues("apps.zt.internal").sidecarInjectorWebhook.templates["spire"] ?? "";

  function volumesOf(socket: object, patch: unknown): unknown {
    const spec = { containers: [{ name: "istio-proxy", image: "x" }], volumes: [...others, socket] };
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec };
    const { stdout, stderr, status } = spawnSync(
      kubectl,
      [
        "patch",
        "--local",
        "--filename",
        "-",
        "--type",
        "strategic",
        "--patch",
        JSON.stringify(patch),
        "--output",
        "json",
      ],
      { input: JSON.stringify(pod), encoding: "utf8" },
    );
    expect([status, stderr]).toEqual([0, ""]);
    return (JSON.parse(stdout) as { spec: { volumes: unknown } }).spec.volumes;
  }

  test.each([
    ["without a kind, as Istio's template for sidecars leaves it", {}],
    ["that is an empty directory, as in Istio's for gateways", { emptyDir: {} }],
  ])("makes its volume of a volume %s, and leaves the others", (_, kind) => {
    const volumes = volumesOf({ name: "workload-socket", ...kind }, load(template));
    expect(volumes).toEqual(
      expect.arrayContaining([
        ...others,
        { name: "workload-socket", csi: { driver: "csi.spiffe.io", readOnly: true } },
      ]),
    );
    expect(volumes).toHaveLength(3);
  });

  test("needs $retainKeys for that: without, the volume is of two kinds, which Kubernetes refuses", () => {
    const patch = load(template.replace(/.*\$retainKeys.*\n/, ""));
    expect(volumesOf({ name: "workload-socket", emptyDir: {} }, patch)).toContainEqual({
      name: "workload-socket",
      emptyDir: {},
      csi: { driver: "csi.spiffe.io", readOnly: true },
    });
  });
});
