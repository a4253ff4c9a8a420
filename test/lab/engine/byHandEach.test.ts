import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { describeObject, type KubernetesObject } from "../../../components/kubernetes";
import { transitionOf } from "../../support/stacks";
import { manifestsOf } from "../../../components/kubernetes";
import { TurnedOn } from "./byHand";
import { LabStack } from "./stack";

// What byHand.test.ts does to the objects on which the way off depends, done to each object of the stack, one at a time.

let stack: LabStack;
let on: TurnedOn;
beforeAll(async () => {
  stack = await LabStack.start();
  stack.turnOn();
  on = new TurnedOn(stack);
});
afterAll(() => stack?.stop());

const names = manifestsOf(transitionOf("apps", { from: "on", auth: true }).plan.components).map(describeObject);

function expectOff(): void {
  const { status, output } = on.turnOff();
  expect({ status, output }).toMatchObject({ status: 0 });
  expect(Object.values(stack.demands()).flat()).toEqual([]);
  expect(stack.enabled()).toBe(false);
  expect(stack.recorded()).toEqual({ auth: false, phase: "allow" });
}

describe.each(names)("authentication can be turned off after %s", (name) => {
  let object: KubernetesObject;
  beforeAll(() => {
    object = on.object(name);
  });
  afterEach(() => on.restore());

  test("was deleted by hand", async () => {
    // What is in it goes with a Namespace or a definition; its controllers take their time.
    await on.remove(object);
    expectOff();
  });

  test("was changed, and is owned, by another field manager", () => {
    on.takeOver("kustomize-controller", object);
    expectOff();
  });

  test("is being deleted, and kept by a finalizer", async () => {
    on.hang(object);
    try {
      expectOff();
    } finally {
      on.release(object);
    }
    await on.untilGone(object);
  });
});
