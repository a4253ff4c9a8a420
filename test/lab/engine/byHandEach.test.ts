import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { describeObject, manifestsOf, type KubernetesObject } from "../../../core/util/kubernetes";
import { transitionOf } from "../../support/stacks";
import { TurnedOn } from "./byHand";

// What byHand.test.ts does to the objects on which the way off depends, done to each object of the stack, one at a time.

let on: TurnedOn;
beforeAll(async () => {
  on = await TurnedOn.start();
});
afterAll(() => on?.stack.stop());

const names = manifestsOf(transitionOf("apps", { from: "on", auth: true }).plan.components).map(describeObject);

describe.each(names)("authentication can be turned off after %s", (name) => {
  let object: KubernetesObject;
  beforeAll(() => {
    object = on.object(name);
  });
  afterEach(() => on.restore());

  test("was deleted by hand", async () => {
    // What is in it goes with a Namespace or a definition; its controllers take their time.
    await on.remove(object);
    on.expectOff();
  });

  test("was changed, and is owned, by another field manager", () => {
    on.takeOver("kustomize-controller", object);
    on.expectOff();
  });

  test("is being deleted, and kept by a finalizer", async () => {
    on.hang(object);
    try {
      on.expectOff();
    } finally {
      on.release(object);
    }
    await on.remove(object);
  });
});
