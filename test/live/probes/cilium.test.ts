import { describe, expect, test } from "vitest";
import { ciliumStateOf, lookAt, type LiveCilium } from "../../../live/probes/cilium";
import { cluster, uid, withCluster, type Answers } from "../../support/fakeCluster";
import { configOf } from "../../support/stacks";

const template = { spec: { volumes: [{ name: "spire-agent-socket" }] } };
const running: LiveCilium = {
  config: { "mesh-auth-enabled": "true", "mesh-auth-mutual-enabled": "true" },
  agent: {
    metadata: { generation: 3 },
    spec: { template },
    status: { observedGeneration: 3, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 },
  },
  operator: {
    metadata: { generation: 1 },
    spec: { replicas: 1, template },
    status: { observedGeneration: 1, updatedReplicas: 1, availableReplicas: 1 },
  },
};

describe("Cilium", () => {
  test("is on once its configuration says so and every pod runs it", () => {
    expect(ciliumStateOf(running)).toEqual({ cilium: "on" });
  });

  test.each<[string, Partial<LiveCilium>, RegExp]>([
    ["the flag is missing", { config: {} }, /mesh-auth-enabled .* missing/],
    ["the flag is off", { config: { "mesh-auth-enabled": "false" } }, /mesh-auth-enabled .* false/],
    ["SPIRE is off", { config: { "mesh-auth-enabled": "true" } }, /mesh-auth-mutual-enabled .* missing/],
    [
      "the agents do not mount the sockets",
      { agent: { ...running.agent, spec: { template: {} } } },
      /DaemonSet cilium does not mount/,
    ],
    [
      "the operator does not mount them",
      { operator: { ...running.operator, spec: { template: {} } } },
      /cilium-operator does not mount/,
    ],
    ["the change is not seen yet", { agent: { ...running.agent, metadata: { generation: 4 } } }, /has not begun/],
    [
      "pods are being replaced",
      { agent: { ...running.agent, status: { ...running.agent.status, updatedNumberScheduled: 1 } } },
      /rolled 1 of 2/,
    ],
    [
      "a pod is not available",
      { agent: { ...running.agent, status: { ...running.agent.status, numberAvailable: 1 } } },
      /1 of 2 pods available/,
    ],
    ["the operator is away", { operator: { ...running.operator, status: { observedGeneration: 1 } } }, /rolled 0 of 1/],
  ])("is not on while %s: off where its configuration says so, rolling where its pods do", (_, change, says) => {
    expect(ciliumStateOf({ ...running, ...change })).toEqual({
      cilium: change.config ? "off" : "rolling",
      waitsFor: expect.stringMatching(says) as string,
    });
  });
});

describe("a look at the cluster", () => {
  const { cluster: pinned } = configOf("apps");
  const look = (answers: Answers, contexts = ["apps"], milliseconds = 10_000) =>
    withCluster(answers, contexts, () => lookAt(pinned, milliseconds));

  test("tells which cluster it is and that its Cilium authenticates", async () => {
    expect(await look(cluster({ authenticating: true }))).toEqual({
      reachable: true,
      nodes: 3,
      identity: uid,
      cilium: "on",
    });
  });

  test("tells what Cilium waits for, and when there is none", async () => {
    expect(await look(cluster({ authenticating: false }))).toMatchObject({
      waitsFor: expect.stringContaining("is false") as string,
    });
    const { ["/api/v1/namespaces/kube-system"]: system } = cluster({ authenticating: true });
    expect(await look({ "/api/v1/namespaces/kube-system": system })).toMatchObject({
      waitsFor: "Cilium is not in the namespace kube-system",
    });
  });

  test("tells who else has written what decides over authentication, and nothing of who delivers it", async () => {
    const managedFields = [
      { manager: "helm", fieldsV1: { "f:data": { "f:mesh-auth-enabled": {} } } },
      { manager: "kubectl-patch", fieldsV1: { "f:data": { ".": {}, "f:mesh-auth-enabled": {}, "f:debug": {} } } },
      { manager: "k9s", fieldsV1: { "f:data": { "f:debug": {} }, "f:metadata": { "f:labels": {} } } },
    ];
    const template = { "f:metadata": { "f:annotations": {} }, "f:spec": { "f:volumes": {} } };
    const edited = [
      { manager: "kubectl-edit", fieldsV1: { "f:spec": { "f:template": template } } },
      { manager: "kubectl-rollout", fieldsV1: { "f:spec": { "f:template": { "f:metadata": {} } } } },
    ];
    const answers = cluster({ authenticating: true });
    const managed = (path: string, managedFields: object[]) => {
      const answer = answers[path] as { metadata?: object };
      return { [path]: { ...answer, metadata: { ...answer.metadata, managedFields } } };
    };
    const shown = await look({
      ...answers,
      ...managed("/api/v1/namespaces/kube-system/configmaps/cilium-config", managedFields),
      ...managed("/apis/apps/v1/namespaces/kube-system/daemonsets/cilium", edited),
    });
    expect(shown).toMatchObject({
      cilium: "on",
      foreign: [
        "kubectl-patch wrote mesh-auth-enabled of the ConfigMap cilium-config",
        "kubectl-edit wrote volumes of the pods of the DaemonSet cilium",
      ],
    });
  });

  test.each<[string, Answers, string[], RegExp]>([
    ["has no such context", {}, ["other"], /no kubeconfig context apps/],
    ["is forbidden", { "/api/v1/namespaces/kube-system": 403 }, ["apps"], /answered 403/],
    [
      "may not read Cilium",
      { ...cluster({ authenticating: true }), "/apis/apps/v1/namespaces/kube-system/daemonsets/cilium": 403 },
      ["apps"],
      /answered 403/,
    ],
  ])("is answered, not thrown, where the kubeconfig %s", async (_, answers, contexts, says) => {
    expect(await look(answers, contexts)).toEqual({ reachable: false, because: expect.stringMatching(says) as string });
  });

  test("ends in time where nothing answers", async () => {
    expect(await look({ "/api/v1/namespaces/kube-system": "silence" }, ["apps"], 200)).toMatchObject({
      reachable: false,
    });
  });
});
