import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import type { StackConfig } from "../../../core/schema/schema";
import { kubeconfigAt } from "../../../live/client";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { until } from "../../../lab/until";
import type { Finding } from "../../../verify/health/finding";
import { gather } from "../../../verify/health/gather";
import { firstOf, judge } from "../../../verify/health/judge";
import { configOf, transitionOf } from "../../support/stacks";
import { authenticating, bundleOf, state } from "../../verify/health/healthy";
import { ciliumObjects } from "./ciliumObjects";
import { policy } from "./stack";

let plane: ControlPlane;
let config: StackConfig;
const before = process.env["KUBECONFIG"];
const kubectl = (...args: readonly string[]) => plane.kubectl(args);

interface Report {
  readonly first: string | undefined;
  readonly findings: readonly Finding[];
}

/** What only processes in pods could say, of which there are none here: SPIRE's own entries, and Cilium's agents. */
const skipped = ["identities", "svids", "cilium-certificates", "handshake-port", "policies-realised", "alerts"];

/** What `npm run verify` finds. */
async function verify(changed: Partial<StackConfig["cluster"]> = {}, skip = [...skipped, "hubble"]): Promise<Report> {
  const facts = await gather({
    stack: "apps",
    config: { ...config, cluster: { ...config.cluster, ...changed } },
    kubeconfig: (await kubeconfigAt("apps")) ?? expect.fail("no context"),
    askRecorded: () => Promise.resolve({ known: state() }),
    servers: ["127.0.0.1:9"],
    window: 60_000,
    progress: () => undefined,
  });
  const findings = judge(facts, skip);
  return { first: firstOf(findings)?.check, findings };
}

/** Writes objects as somebody does. */
const apply = (manager: string, objects: readonly object[]) =>
  plane.kubectl(
    ["apply", "--server-side", "--force-conflicts", "--field-manager", manager, "--filename", "-"],
    objects.map((object) => JSON.stringify(object)).join("\n---\n"),
  );

/** What an update makes, as the API server gets it. */
function deploy(): void {
  const { components } = transitionOf("apps", { from: "on", auth: true }).plan;
  const objects = components.flatMap(({ objects }) => objects.map(({ manifest }) => manifest));
  const isFirst = ({ kind }: KubernetesObject) => kind === "CustomResourceDefinition" || kind === "Namespace";
  const definitions = objects.filter(isFirst);
  apply("zero-trust", definitions);
  for (const { kind, metadata } of definitions)
    if (kind === "CustomResourceDefinition")
      kubectl("wait", "--for=condition=Established", `customresourcedefinition/${metadata.name}`, "--timeout=60s");
  apply(
    "zero-trust",
    objects.filter((object) => !isFirst(object)),
  );
}

const patch = (object: string, namespace: string, value: unknown, ...more: readonly string[]) =>
  kubectl("patch", object, "--namespace", namespace, "--type", "merge", "--patch", JSON.stringify(value), ...more);

/** Cilium's ConfigMap as its chart writes it, and a pod of its agent on a node that SPIRE has an agent on. */
function runCilium(): void {
  const [nodeName] = kubectl("get", "nodes", "--output", "jsonpath={.items[*].metadata.name}").split(" ");
  apply("helm", [
    ...ciliumObjects(authenticating, true),
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "cilium-here", namespace: "kube-system", labels: { "k8s-app": "cilium" } },
      spec: { nodeName, containers: [{ name: "cilium-agent", image: "cilium" }] },
    },
  ]);
}

/** The same with another pod, which is not older than the configuration. */
function rollCilium(): void {
  kubectl("delete", "pod", "cilium-here", "--namespace", "kube-system", "--force");
  runCilium();
  kubectl("wait", "--for=condition=Ready", "pod/cilium-here", "--namespace", "kube-system", "--timeout=60s");
}

/** When Cilium's pod has started: in whole seconds, as the API server says when something was written. */
const startOfCilium = () =>
  Date.parse(
    kubectl(
      ...["get", "pod", "cilium-here", "--namespace", "kube-system", "--output"],
      "jsonpath={.status.containerStatuses[0].state.running.startedAt}",
    ),
  );

const publish = (text: string) =>
  apply("lab", [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "spire-bundle", namespace: "spire" },
      data: { "bundle.spiffe": text },
    },
  ]);

beforeAll(async () => {
  plane = await startControlPlane({ controllers: true, nodes: 2 });
  process.env["KUBECONFIG"] = plane.kubeconfig;
  const identity = kubectl("get", "namespace", "kube-system", "--output", "jsonpath={.metadata.uid}");
  const { cluster, ...others } = configOf("apps");
  config = { ...others, cluster: { ...cluster, identity } };
  kubectl("create", "namespace", "orders");
  deploy();
  runCilium();
  publish(bundleOf(24 * 3650));
  for (const [workload, namespace] of [
    ["statefulset/spire-server", "spire"],
    ["daemonset/spire-agent", "spire"],
    ["daemonset/cilium", "kube-system"],
    ["deployment/cilium-operator", "kube-system"],
  ] as const)
    kubectl("rollout", "status", workload, "--namespace", namespace, "--timeout", "300s");
  kubectl("wait", "--for=condition=Ready", "pod/cilium-here", "--namespace", "kube-system", "--timeout=60s");
});
afterAll(async () => {
  if (before === undefined) delete process.env["KUBECONFIG"];
  else process.env["KUBECONFIG"] = before;
  await plane?.stop();
});

const failed = ({ findings }: Report) => findings.filter(({ verdict }) => verdict === "fail");

test("in health nothing fails, and what nobody could say is unknown", async () => {
  const report = await verify();
  expect(failed(report)).toEqual([]);
  const verdicts = Object.fromEntries(report.findings.map(({ check, verdict }) => [check, verdict]));
  expect(verdicts).toEqual({
    cluster: "ok",
    "spire-server": "ok",
    "spire-rights": "ok",
    // It does not run here, and so says nothing of the entries.
    "spire-controller-manager": "warn",
    "spire-bundle": "ok",
    "spire-agents": "ok",
    "cilium-entries": "unknown",
    "cilium-flags": "ok",
    "cilium-config": "ok",
    "cilium-owners": "ok",
    "cilium-rolled": "ok",
    policies: "ok",
    "policies-valid": "ok",
    demands: "ok",
    recorded: "ok",
  });
});

const configure = (data: object) =>
  patch("configmap/cilium-config", "kube-system", { data }, "--field-manager=an-editor");
const serverFile = () =>
  kubectl("get", "configmap/spire-server", "--namespace", "spire", "--output", "jsonpath={.data.server\\.conf}");
const valid = (status: string) =>
  patch(
    `ciliumnetworkpolicy/${policy}`,
    "orders",
    {
      status: {
        conditions: [{ type: "Valid", status, message: "bad port", lastTransitionTime: "2026-01-01T00:00:00Z" }],
      },
    },
    "--subresource=status",
  );
const elsewhere = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "cilium-elsewhere", namespace: "kube-system", labels: { "k8s-app": "cilium" } },
  spec: { nodeName: "elsewhere", containers: [{ name: "cilium-agent", image: "cilium" }] },
};
const notReady = (name: string, ready: boolean) => {
  const path = ["get", "pod/spire-server-0", "--namespace", "spire", "--output", "json"];
  const { status } = JSON.parse(kubectl(...path)) as {
    status: { containerStatuses: { name: string; ready: boolean }[] };
  };
  const containerStatuses = status.containerStatuses.map((container) =>
    container.name === name
      ? { ...container, ready, state: ready ? { running: {} } : { waiting: { reason: "CrashLoopBackOff" } } }
      : container,
  );
  patch("pod/spire-server-0", "spire", { status: { containerStatuses } }, "--subresource=status");
};

type Act = () => unknown;

describe("a fault is named first, and what to do about it is said", () => {
  test.each<[fault: string, check: string, saw: RegExp, breaks: Act, mends: Act]>([
    [
      "SPIRE's server is scaled down",
      "spire-server",
      /scaled to 0/,
      () => kubectl("scale", "statefulset/spire-server", "--namespace", "spire", "--replicas=0"),
      () => kubectl("scale", "statefulset/spire-server", "--namespace", "spire", "--replicas=1"),
    ],
    [
      "SPIRE's server crashes",
      "spire-server",
      /0 of 1 ready; spire-server-0 is not ready: CrashLoopBackOff/,
      () => notReady("spire-server", false),
      () => notReady("spire-server", true),
    ],
    [
      "SPIRE's controller-manager crashes",
      "spire-controller-manager",
      /CrashLoopBackOff/,
      () => notReady("spire-controller-manager", false),
      () => notReady("spire-controller-manager", true),
    ],
    [
      "SPIRE has no agent on a node of Cilium's",
      "spire-agents",
      /Cilium runs on elsewhere, but no SPIRE agent is ready there/,
      () => {
        apply("helm", [elsewhere]);
        const status = { conditions: [{ type: "Ready", status: "True" }] };
        patch("pod/cilium-elsewhere", "kube-system", { status }, "--subresource=status");
      },
      () => kubectl("delete", "pod", "cilium-elsewhere", "--namespace", "kube-system", "--force"),
    ],
    [
      "the bundle is deleted",
      "spire-bundle",
      /there is no ConfigMap spire\/spire-bundle/,
      () => kubectl("delete", "configmap", "spire-bundle", "--namespace", "spire"),
      () => publish(bundleOf(24 * 3650)),
    ],
    [
      "Cilium's operator is no admin",
      "spire-rights",
      /does not have spiffe:\/\/apps\.zt\.internal\/cilium-operator in admin_ids/,
      () =>
        patch("configmap/spire-server", "spire", {
          data: { "server.conf": serverFile().replace("/cilium-operator", "/somebody") },
        }),
      deploy,
    ],
    [
      "an entry is deleted",
      "cilium-entries",
      /there is no ClusterStaticEntry cilium-agent/,
      () => kubectl("delete", "clusterstaticentry", "cilium-agent"),
      deploy,
    ],
    [
      "one flag is turned off without the other",
      "cilium-flags",
      /one flag without the other: mesh-auth-mutual-enabled is false, written by an-editor/,
      () => configure({ "mesh-auth-mutual-enabled": "false" }),
      rollCilium,
    ],
    [
      "somebody edits Cilium's configuration",
      "cilium-config",
      /mesh-auth-spiffe-trust-domain is other, written by an-editor; wanted: apps\.zt\.internal/,
      () => configure({ "mesh-auth-spiffe-trust-domain": "other" }),
      rollCilium,
    ],
    [
      "Cilium's pods are older than their configuration",
      "cilium-rolled",
      /older than their configuration, which was written at .*: cilium-here/,
      async () => {
        const start = startOfCilium();
        await until("its pod is older than a second", () => Date.now() >= start + 1000);
        configure({ "mesh-auth-gc-interval": "7m0s" });
      },
      rollCilium,
    ],
    [
      "a policy is edited",
      "policies",
      /orders\/zero-trust was changed at specs\[0\]/,
      () => patch(`ciliumnetworkpolicy/${policy}`, "orders", { specs: [{ endpointSelector: {}, ingress: [{}] }] }),
      deploy,
    ],
    [
      "a policy is deleted",
      "policies",
      /there is no CiliumNetworkPolicy orders\/zero-trust/,
      () => kubectl("delete", "ciliumnetworkpolicy", policy, "--namespace", "orders"),
      deploy,
    ],
    [
      "Cilium refuses a policy",
      "policies-valid",
      /Cilium refuses orders\/zero-trust: bad port/,
      () => valid("False"),
      () => valid("True"),
    ],
  ])("%s", async (_, check, saw, breaks, mends) => {
    await breaks();
    let report = await verify();
    try {
      await until(`${check} comes first`, async () => (report = await verify()).first === check, {
        seconds: 30,
        detail: () => JSON.stringify(failed(report), null, 1),
      });
      const found = report.findings.find((finding) => finding.check === check) ?? expect.fail();
      expect(found.saw).toMatch(saw);
      expect(found.remedy).toBeTruthy();
    } finally {
      await mends();
    }
    await until("nothing fails any more", async () => failed((report = await verify())).length === 0, {
      seconds: 60,
      detail: () => JSON.stringify(failed(report), null, 1),
    });
  });

  test("Hubble cannot be reached", async () => {
    const { findings } = await verify({}, []);
    expect(findings.find(({ check }) => check === "hubble")).toMatchObject({
      verdict: "unknown",
      saw: expect.stringContaining("127.0.0.1:9 cannot be reached") as string,
    });
  });

  test("the context leads to another cluster", async () => {
    const { first, findings } = await verify({ identity: "11111111-1111-1111-1111-111111111111" });
    expect(first).toBe("cluster");
    expect(failed({ first, findings })).toHaveLength(1);
  });
});
