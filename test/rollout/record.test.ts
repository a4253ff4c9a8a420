import { describe, expect, test } from "vitest";
import type { KubernetesObject } from "../../components/kubernetes";
import { recordOf } from "../../components/rollout/record";
import { readState } from "../../components/rollout/state";
import { transitionOf } from "../support/stacks";

const claim = (spec: object): KubernetesObject => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name: "data", namespace: "spire" },
  spec: { accessModes: ["ReadWriteOnce"], ...spec },
});

describe("what an update records of its objects", () => {
  const others = (spec: object) => recordOf([claim(spec)]).others;

  test("differs where an object would be replaced, deleted or new, and not where it is changed in place", () => {
    const before = others({ storageClassName: "fast", resources: { requests: { storage: "1Gi" } } });
    expect(others({ storageClassName: "fast", resources: { requests: { storage: "2Gi" } } })).toBe(before);
    expect(others({ storageClassName: "slow" })).not.toBe(before);
    expect(recordOf([]).others).not.toBe(before);
  });

  test("names the policies of each namespace", () => {
    const { objects } = transitionOf("apps", { from: "on", auth: true }).plan.outputs.rollout;
    expect(objects?.policies).toEqual({ orders: "allow-api-8080-b4b4b80e zero-trust-deny-all" });
  });

  test("is the same with the flag on and off", () => {
    const objects = (auth: boolean) => transitionOf("apps", { from: "on", auth }).plan.outputs.rollout.objects;
    expect(objects(true)).toEqual(objects(false));
  });

  test("may be missing in a state that an earlier version left, which still counts", () => {
    const state = { auth: true, trustDomain: "apps.zt.internal", phases: { orders: "require" } };
    expect(readState(state)).toEqual(state);
  });
});
