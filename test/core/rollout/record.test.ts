import { describe, expect, test } from "vitest";
import { manifestsOf, type KubernetesObject } from "../../../core/util/kubernetes";
import { recordOf } from "../../../core/rollout/record";
import { readState } from "../../../core/rollout/state";
import { transitionOf } from "../../support/stacks";

const server = (spec: object): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "server", namespace: "spire" },
  spec: { serviceName: "server", ...spec },
});

describe("what an update records of its objects", () => {
  const others = (spec: object) => recordOf([server(spec)]).others;

  test("differs where an object would be replaced, deleted or new, and not where it is changed in place", () => {
    const before = others({ replicas: 1 });
    expect(others({ replicas: 2 })).toBe(before);
    expect(others({ serviceName: "other" })).not.toBe(before);
    expect(recordOf([]).others).not.toBe(before);
  });

  test("is the same of the live objects, in which the API server has filled in what was left out", () => {
    const filledIn: Readonly<Record<string, object>> = {
      Service: { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7"], sessionAffinity: "None" },
      StatefulSet: { podManagementPolicy: "OrderedReady", revisionHistoryLimit: 10 },
      PersistentVolumeClaim: { storageClassName: "standard", volumeMode: "Filesystem", volumeName: "pv-1" },
    };
    const manifests = manifestsOf(transitionOf("apps", { from: "on", auth: true }).plan.components);
    const live = manifests.map((manifest) => {
      const more = filledIn[manifest.kind];
      return more ? { ...manifest, spec: { ...more, ...(manifest["spec"] as object) } } : manifest;
    });
    expect(live.filter((object, index) => object !== manifests[index]).length).toBeGreaterThan(3);
    expect(recordOf(live)).toEqual(recordOf(manifests));
  });

  test("names the policies of each namespace", () => {
    const { objects } = transitionOf("apps", { from: "on", auth: true }).plan.outputs.rollout;
    expect(objects?.policies).toEqual({ orders: "zero-trust" });
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
