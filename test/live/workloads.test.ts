import { describe, expect, test } from "vitest";
import { plan } from "../../plan/plan";
import { askWorkload } from "../../live/probes/workload";
import type { Pod } from "../../live/podTrouble";
import { textOf, untilSettled } from "../../core/util/settled";
import {
  heldBack,
  notReady,
  patienceFor,
  unfinished,
  workloadKinds,
  workloadOf as idOf,
  type Workload,
} from "../../core/rollout/workloads";
import { withCluster, workloadOf, type Answers } from "../support/fakeCluster";
import { configOf } from "../support/stacks";

const server = { kind: "StatefulSet", namespace: "spire", name: "spire-server" } as const;
const path = "/apis/apps/v1/namespaces/spire/statefulsets/spire-server";
const podsPath = `/api/v1/namespaces/spire/pods?labelSelector=${encodeURIComponent("app.kubernetes.io/name=spire-server")}`;
const selector = { matchLabels: { "app.kubernetes.io/name": "spire-server" } };

/** A StatefulSet of one pod, with what differs from one that is done. */
const stateful = (status: object = {}, spec: object = {}) => ({
  metadata: { generation: 2 },
  spec: { replicas: 1, selector, ...spec },
  status: { ...{ observedGeneration: 2, updateRevision: "new" }, ...workloadOf(1).status, ...status },
});
const left = (kind: (typeof workloadKinds)[number], workload: Workload) =>
  unfinished(kind, "x", workload, heldBack(workload));

/** A pod that is not ready, as the API server has it. */
const pod = (status: Pod["status"], revision = "new"): Pod => ({
  metadata: { name: "spire-server-0", labels: { "controller-revision-hash": revision } },
  status: { conditions: [{ type: "Ready", status: "False" }], ...status },
});
const container = (status: object) =>
  pod({ containerStatuses: [{ name: "spire-server", image: "spire-server:1.15.3", ready: false, ...status }] });
const waiting = (reason: string, message?: string) =>
  container({ state: { waiting: { reason, ...(message ? { message } : {}) } } });
const ended = { lastState: { terminated: { exitCode: 1, reason: "Error" } } };

describe("a workload is done", () => {
  test.each(workloadKinds)("where all pods of the %s run its last change and are ready, and not before", (kind) => {
    expect(left(kind, workloadOf(1))).toBeUndefined();
    expect(left(kind, workloadOf(0))).toMatch(/^\w+ x has 0 of 1 pods (ready|available)$/);
  });

  test.each(workloadKinds)("only by what the controller of the %s says after it has seen the last change", (kind) => {
    const { spec, status } = workloadOf(1);
    expect(left(kind, { metadata: { generation: 3 }, spec, status })).toBe(`${kind} x has not begun to roll`);
    expect(left(kind, { metadata: { generation: 1 }, spec })).toBe(`${kind} x has not begun to roll`);
  });

  test("not while pods of before are left, ready as they may be", () => {
    const old = {
      ...workloadOf(1),
      status: { ...workloadOf(1).status, updatedReplicas: 0, updatedNumberScheduled: 0 },
    };
    for (const kind of workloadKinds) expect(left(kind, old)).toBe(`${kind} x has rolled 0 of 1 pods`);
    const both = { ...workloadOf(1), status: { ...workloadOf(1).status, replicas: 3 } };
    expect(left("Deployment", both)).toBe("Deployment x still has 2 old pods");
    expect(left("StatefulSet", both)).toBeUndefined();
  });

  test("without the pods that its update strategy keeps back, which have to be ready all the same", () => {
    const three = (ready: number, updated: number, updateStrategy: object) =>
      left(
        "StatefulSet",
        stateful({ readyReplicas: ready, updatedReplicas: updated }, { replicas: 3, updateStrategy }),
      );
    const partition = { type: "RollingUpdate", rollingUpdate: { partition: 2 } };
    expect(three(3, 1, partition)).toBeUndefined();
    expect(three(3, 0, partition)).toBe("StatefulSet x has rolled 0 of 1 pods");
    expect(three(3, 0, { type: "OnDelete" })).toBeUndefined();
    expect(three(2, 0, { type: "OnDelete" })).toBe("StatefulSet x has 2 of 3 pods ready");
    const agents = { ...workloadOf(1), spec: { updateStrategy: { type: "OnDelete" } } };
    expect(left("DaemonSet", { ...agents, status: { ...agents.status, updatedNumberScheduled: 0 } })).toBeUndefined();
  });

  test("where it is to have no pods", () => {
    expect(
      left("StatefulSet", stateful({ replicas: 0, readyReplicas: 0, updatedReplicas: 0 }, { replicas: 0 })),
    ).toBeUndefined();
    expect(left("DaemonSet", { metadata: { generation: 1 }, status: { observedGeneration: 1 } })).toBeUndefined();
  });
});

describe("a look at a workload that is not done", () => {
  const look = (workload: unknown, pods: unknown = { items: [] }) => {
    const answers: Answers = { [path]: workload, [podsPath]: pods };
    return withCluster(answers, ["apps"], () => askWorkload("apps", server));
  };
  const none = { readyReplicas: 0 };

  test.each<[what: string, pod: Pod, says: string, fails: boolean]>([
    [
      "has no node",
      pod({
        conditions: [
          { type: "PodScheduled", status: "False", message: "0/3 nodes are available:\n3 Insufficient cpu." },
        ],
      }),
      "cannot be scheduled: 0/3 nodes are available: 3 Insufficient cpu.",
      false,
    ],
    [
      "has no image",
      waiting("ImagePullBackOff", "Back-off pulling image"),
      "cannot pull the image spire-server:1.15.3 (ImagePullBackOff): Back-off pulling image",
      true,
    ],
    [
      "lacks a Secret",
      waiting("CreateContainerConfigError", 'secret "x" not found'),
      'cannot start spire-server (CreateContainerConfigError): secret "x" not found',
      true,
    ],
    [
      "has crashed and waits",
      container({ ...ended, state: { waiting: { reason: "CrashLoopBackOff" } } }),
      "is started again and again: spire-server ended with exit code 1",
      true,
    ],
    [
      "has crashed and runs once more",
      container({ ...ended, state: { running: {} } }),
      "is started again and again: spire-server ended with exit code 1",
      true,
    ],
    [
      "was killed",
      container({ lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } } }),
      "is started again and again: spire-server ended with exit code 137, OOMKilled",
      true,
    ],
  ])("says of a pod that %s what the cluster says", async (_, one, says, fails) => {
    expect(await look(stateful(none), { items: [one] })).toEqual({
      ...{ what: "StatefulSet spire-server has 0 of 1 pods ready", why: `pod spire-server-0 ${says}`, fails },
    });
  });

  test("says nothing of pods that are ready or on their way, of long messages the beginning, and of many pods three", async () => {
    const what = "StatefulSet spire-server has 0 of 1 pods ready";
    const ready = pod({
      conditions: [{ type: "Ready", status: "True" }],
      containerStatuses: [{ name: "x", ...ended }],
    });
    for (const fine of [ready, waiting("ContainerCreating"), pod({})])
      expect(await look(stateful(none), { items: [fine] })).toEqual({ what });
    const long = waiting("ErrImagePull", "x".repeat(500));
    expect(await look(stateful(none), { items: Array(5).fill(long) })).toMatchObject({
      why: expect.stringMatching(/^(pod spire-server-0 [^;]*: x{200}…; ){3}and 2 more$/) as string,
    });
  });

  test("names the command for a broken pod of before, which a StatefulSet that takes its pods in order does not replace", async () => {
    const crashed = {
      ...container(ended),
      metadata: { name: "spire-server-0", labels: { "controller-revision-hash": "old" } },
    };
    const rolling = { updatedReplicas: 0, readyReplicas: 0 };
    expect(await look(stateful(rolling), { items: [crashed] })).toEqual({
      what: "StatefulSet spire-server has rolled 0 of 1 pods",
      why:
        "pod spire-server-0 is of an earlier configuration and is started again and again: spire-server ended with exit code 1; " +
        "Kubernetes does not replace it before it is ready, so delete it: kubectl --namespace spire delete pod spire-server-0",
      fails: true,
    });
    const parallel = await look(stateful(rolling, { podManagementPolicy: "Parallel" }), { items: [crashed] });
    expect(JSON.stringify(parallel)).not.toContain("delete");
    const starting = { ...pod({}), metadata: crashed.metadata };
    expect(JSON.stringify(await look(stateful(rolling), { items: [starting] }))).not.toContain("delete");
  });

  test("does without its pods where those may not be read, and tells a workload that is gone from one that may not be read", async () => {
    expect(await look(stateful(none), 403)).toEqual({ what: "StatefulSet spire-server has 0 of 1 pods ready" });
    expect(await look(404)).toEqual({ what: "StatefulSet spire-server is not there" });
    expect(await look(403)).toEqual({ because: "the API server answered 403" });
    expect(await withCluster({}, ["other"], () => askWorkload("apps", server))).toEqual({
      because: "no kubeconfig context apps",
    });
  });
});

describe("an update waits", () => {
  const state = (auth: boolean, assignments: readonly string[] = []) =>
    plan(configOf("apps", `auth=${auth}`, ...assignments), {}).outputs.rollout;
  const changed = state(true, ["spire.ttl.x509Svid=3m"]);
  /** Seconds, on a clock of its own. */
  async function seconds(
    of: ReturnType<typeof patienceFor>,
    ask: (second: number) => { what: string; fails?: boolean } | undefined,
  ) {
    let time = 0;
    const told: string[] = [];
    const given = await untilSettled(
      () => Promise.resolve(ask(time / 1000)),
      of.limits,
      (what) => told.push(what),
      (milliseconds) => Promise.resolve((time += milliseconds)),
      () => time,
    );
    return { seconds: time / 1000, given: given && textOf(given), told };
  }

  test("for what is new and for what it changes with authentication on, and ends where that is not ready", () => {
    for (const last of [undefined, state(false), state(true)]) expect(patienceFor(changed, last).ends).toBe(true);
    expect(patienceFor(state(true), state(true)).ends).toBe(false);
    expect(patienceFor(state(false), state(true)).ends).toBe(false);
    expect(patienceFor(state(false, ["spire.ttl.x509Svid=3m"]), state(false)).ends).toBe(false);
  });

  test("a minute for pods that fail, five for pods that do not come, and as long as there is progress", async () => {
    const patient = patienceFor(changed, state(true));
    expect((await seconds(patient, () => ({ what: "0 of 1", fails: true }))).seconds).toBe(60);
    expect((await seconds(patient, () => ({ what: "0 of 1" }))).seconds).toBe(300);
    // Also for one that begins to fail late.
    expect((await seconds(patient, (s) => ({ what: "0 of 1", fails: s >= 200 }))).seconds).toBe(260);
    const rolling = await seconds(patient, (s) => (s < 1_200 ? { what: `${Math.floor(s / 100)} of 12` } : undefined));
    expect(rolling).toMatchObject({ seconds: 1_200, given: undefined });
    expect(rolling.told.length).toBe(12);
  });

  test("seconds for what has been ready before, so that a node that is down holds up no change of policies", async () => {
    const patient = patienceFor(state(true), state(true));
    expect((await seconds(patient, () => ({ what: "0 of 1" }))).seconds).toBe(15);
    expect((await seconds(patient, () => ({ what: "0 of 1", fails: true }))).seconds).toBe(5);
  });

  test("for workloads alone, and says which one it was and where to look", () => {
    expect(idOf({ apiVersion: "v1", kind: "Service", metadata: { name: "spire-server" } })).toBeUndefined();
    expect(
      idOf({ apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: "spire-server", namespace: "spire" } }),
    ).toEqual(server);
    expect(notReady(server, "StatefulSet spire-server has 0 of 1 pods ready")).toBe(
      "SPIRE is not ready: StatefulSet spire-server has 0 of 1 pods ready. So what relies on it is left as it is. " +
        "Look at: kubectl --namespace spire get pods --output wide; kubectl --namespace spire describe statefulset spire-server. Then update again.",
    );
  });
});
