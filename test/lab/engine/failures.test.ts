import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../../lab/until";
import { LabStack, policy, values, withoutPack } from "./stack";

/** The updates that take a stack through both transitions, off and on again: what each writes, and where it ends. */
const updates = [
  { goes: "off", flag: "false", writes: [policy, values], ends: { auth: false, phase: "allow" } },
  { goes: "on", flag: "true", writes: [values], ends: { auth: true, phase: "allow" } },
  { goes: "on, to require,", flag: "true", writes: [policy], ends: { auth: true, phase: "require" } },
] as const;

/** Pulumi's names of the objects that they write. */
const resources = { [policy]: `access-orders-${policy}`, [values]: "cilium-auth-values" };

let stack: LabStack;
beforeAll(async () => {
  stack = await LabStack.start();
  stack.turnOn();
});
afterAll(() => stack?.stop());
const demands = (...modes: string[]) => ({ [policy]: modes });

describe.each(updates)("an update that turns auth $goes", ({ flag, writes, ends }) => {
  let before: ReturnType<LabStack["recorded"]>;
  beforeAll(() => {
    before = stack.recorded();
    stack.setFlag(flag);
  });
  afterAll(() => stack.rollCilium());

  describe.each(writes)("and comes to the write of %s", (at) => {
    test("which fails: the old state stays recorded, what comes before it is written, and nothing after it", async () => {
      const written = stack.watchWrites();
      const output = await stack.denying(at, () => stack.failingUp(withoutPack));
      expect(output).toContain(`not now: ${at}`);
      expect(stack.recorded()).toEqual(before);
      const done = written().flatMap(({ object, status }) => (status === 200 ? object.split("/").at(-1) : []));
      expect(writes.filter((object) => done.includes(object))).toEqual(writes.slice(0, writes.indexOf(at as never)));
    });

    test.each([
      ["before that", "ZT_KILL_BEFORE"],
      ["when that is done and nobody knows", "ZT_KILL_AFTER"],
    ])("and is killed %s: the old state stays recorded", (_, fault) => {
      stack.failingUp({ ...withoutPack, [fault]: resources[at] });
      stack.project.must(["cancel", "--yes", "--stack", "apps"]);
      expect(stack.recorded()).toEqual(before);
    });
  });

  test("is taken up by the next one, which ends where it should", () => {
    stack.up(withoutPack);
    expect(stack.recorded()).toEqual(ends);
    expect(stack.demands()).toEqual(ends.phase === "require" ? demands("required") : demands());
  });
});

test("an update whose API server restarts converges, itself or by the next one", async () => {
  stack.set("auth", "false");
  const written = stack.watchWrites();
  const done = stack.project.start(["up", "--yes", "--skip-preview", "--stack", "apps"]);
  await until("the policy is written", () => written().some(({ object }) => object.endsWith(policy)));
  await stack.plane.restartServer();
  await done;
  stack.up(withoutPack);
  expect(stack.recorded()).toEqual({ auth: false, phase: "allow" });
  expect(stack.demands()).toEqual(demands());
});
