import { describe, expect, test } from "vitest";
import type { LiveObject } from "./kubernetes/api";
import { unready, type Around } from "./kubernetes/ready";
import { patience } from "./kubernetes/wait";
import type { Fields } from "./values";

const live = (kind: string, spec: Fields, status: Fields, annotations: Record<string, string> = {}): LiveObject => ({
  apiVersion: kind.slice(0, kind.lastIndexOf("/")),
  kind: kind.slice(kind.lastIndexOf("/") + 1),
  metadata: { name: "it", namespace: "spire", uid: "1", resourceVersion: "1", generation: 2, annotations },
  spec,
  status,
});
const ready = (object: LiveObject, around: Around = {}) => unready(object, around) === undefined;

describe("a Deployment is ready", () => {
  const conditions = (progressing: Fields) => [
    { type: "Available", status: "True" },
    { type: "Progressing", status: "True", ...progressing },
  ];
  const deployment = (status: Fields) => live("apps/v1/Deployment", {}, { observedGeneration: 2, ...status });

  test("once its new pods are available", () => {
    expect(ready(deployment({ conditions: conditions({ reason: "NewReplicaSetAvailable" }) }))).toBe(true);
  });
  test("not while it still rolls, and not by what was said of its last version", () => {
    expect(ready(deployment({ conditions: conditions({ reason: "ReplicaSetUpdated" }) }))).toBe(false);
    const done = conditions({ reason: "NewReplicaSetAvailable" });
    expect(ready(deployment({ observedGeneration: 1, conditions: done }))).toBe(false);
    expect(ready(deployment({ conditions: [] }))).toBe(false);
  });
});

describe("a StatefulSet is ready", () => {
  const done = { observedGeneration: 2, replicas: 2, readyReplicas: 2, currentReplicas: 2 };
  const revisions = { currentRevision: "b", updateRevision: "b" };
  const set = (status: Fields, spec: Fields = {}) =>
    live("apps/v1/StatefulSet", { replicas: 2, ...spec }, { ...done, ...revisions, ...status });

  test("once all of its pods run the new revision", () => expect(ready(set({}))).toBe(true));
  test.each([{ observedGeneration: 1 }, { readyReplicas: 1 }, { currentReplicas: 1 }, { currentRevision: "a" }])(
    "not with %j",
    (status) => expect(ready(set(status))).toBe(false),
  );
  test("with old pods too, where these are to be deleted by hand", () => {
    const spec = { updateStrategy: { type: "OnDelete" } };
    expect(ready(set({ currentReplicas: 0, currentRevision: "a" }, spec))).toBe(true);
  });
});

describe("a DaemonSet is ready", () => {
  const counts = ["desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable"];
  const done = { observedGeneration: 2, numberReady: 3, ...Object.fromEntries(counts.map((count) => [count, 3])) };
  const set = (status: Fields) => live("apps/v1/DaemonSet", {}, { ...done, ...status });

  test("once it has a pod on each node", () => expect(ready(set({}))).toBe(true));
  test.each([{ updatedNumberScheduled: 2 }, { numberAvailable: 2 }, { numberReady: 2 }, { observedGeneration: 1 }])(
    "not with %j",
    (status) => expect(ready(set(status))).toBe(false),
  );
  test("not before its controller has seen it", () => {
    expect(ready(live("apps/v1/DaemonSet", {}, { desiredNumberScheduled: 0 }))).toBe(false);
  });
});

describe("a Service is ready", () => {
  const service = (spec: Fields, status: Fields = {}) =>
    live("v1/Service", { selector: { app: "it" }, type: "ClusterIP", ...spec }, status);
  const endpoints = { subsets: [{ addresses: [{ ip: "10.0.0.1" }] }] };

  test("once it targets pods", () => {
    expect(ready(service({}), { endpoints })).toBe(true);
    expect(ready(service({}), { endpoints: {} })).toBe(false);
    expect(ready(service({}))).toBe(false);
  });
  test("at once where it has no pods to target, or no address of its own", () => {
    expect(ready(service({ type: "ExternalName" }))).toBe(true);
    expect(ready(service({ clusterIP: "None" }))).toBe(true);
    expect(ready(live("v1/Service", {}, {}))).toBe(true);
  });
  test("as a load balancer once it has an address", () => {
    const balancer = { type: "LoadBalancer" };
    expect(ready(service(balancer), { endpoints })).toBe(false);
    expect(ready(service(balancer, { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } }), { endpoints })).toBe(true);
  });
});

test("a claim is ready once it is bound, or where its class binds only for a pod", () => {
  const claim = (phase: string) => live("v1/PersistentVolumeClaim", {}, { phase });
  const storageClass = { volumeBindingMode: "WaitForFirstConsumer" };
  expect([ready(claim("Bound")), ready(claim("Pending"))]).toEqual([true, false]);
  expect([ready(claim("Pending"), { storageClass }), ready(claim("Lost"), { storageClass })]).toEqual([true, false]);
});

test("a Job is ready once it is complete, and is given up when it has failed", () => {
  const job = (type: string) => live("batch/v1/Job", {}, { conditions: [{ type, status: "True" }] });
  expect(ready(job("Complete"))).toBe(true);
  expect(unready(job("Suspended"), {})).toEqual({ because: "the Job is not complete" });
  expect(unready(job("Failed"), {})).toMatchObject({ failed: true });
});

test("any other kind is ready at once, but for what an annotation asks to wait for", () => {
  const policy = (annotations: Record<string, string>, status: Fields = {}) =>
    live("cilium.io/v2/CiliumNetworkPolicy", {}, status, annotations);
  expect(ready(policy({}))).toBe(true);
  const condition = { "pulumi.com/waitFor": "condition=Valid" };
  expect(ready(policy(condition))).toBe(false);
  expect(ready(policy(condition, { conditions: [{ type: "Valid", status: "False" }] }))).toBe(false);
  expect(ready(policy(condition, { conditions: [{ type: "Valid", status: "True" }] }))).toBe(true);
  const both = { "pulumi.com/waitFor": JSON.stringify(["condition=Valid", "jsonpath={.status.phase}=Done"]) };
  expect(ready(policy(both, { conditions: [{ type: "Valid", status: "True" }] }))).toBe(false);
  expect(ready(policy(both, { phase: "Done", conditions: [{ type: "Valid", status: "True" }] }))).toBe(true);
  expect(() => ready(policy({ "pulumi.com/waitFor": "Valid" }))).toThrow(/pulumi.com\/waitFor: Valid is neither/);
});

test("an annotation switches the wait off", () => {
  const skip = { "pulumi.com/skipAwait": "true" };
  expect(ready(live("apps/v1/DaemonSet", {}, {}, skip))).toBe(true);
});

test("the wait is as long as the resource's timeout, else as its annotation says, else ten minutes", () => {
  const timed = live("apps/v1/DaemonSet", {}, {}, { "pulumi.com/timeoutSeconds": "30" });
  expect([patience(timed, 5), patience(timed, 0)]).toEqual([5, 30]);
  expect(patience(live("apps/v1/DaemonSet", {}, {}), 0)).toBe(600);
  expect(patience(live("v1/PersistentVolumeClaim", {}, {}), 0)).toBe(300);
});
