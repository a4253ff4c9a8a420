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
  test("differs where an object would be replaced, and not where it is changed in place", () => {
    const [before] = recordOf([claim({ storageClassName: "fast", resources: { requests: { storage: "1Gi" } } })]);
    expect(recordOf([claim({ storageClassName: "fast", resources: { requests: { storage: "2Gi" } } })])).toEqual([
      before,
    ]);
    expect(recordOf([claim({ storageClassName: "slow" })])).not.toEqual([before]);
    expect(before).toMatch(/^PersistentVolumeClaim spire\/data#[0-9a-f]{8}$/);
  });

  test("is the same with the flag on and off", () => {
    const objects = (auth: boolean) => transitionOf("apps", { from: "on", auth }).plan.outputs.rollout.objects;
    expect(objects(true)).toEqual(objects(false));
    expect(objects(true)?.length).toBeGreaterThan(20);
  });

  test("may be missing in a state that an earlier version left, which still counts", () => {
    const state = { auth: true, trustDomain: "apps.zt.internal", phases: { orders: "require" } };
    expect(readState(state)).toEqual(state);
  });
});
