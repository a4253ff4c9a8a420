import { afterEach, beforeAll, afterAll, beforeEach, describe, expect, test } from "vitest";
import { lastAccessOutput } from "../../../program/lastAccess";
import { LabStack, policy, values, withoutPack } from "./stack";

describe("authentication can be turned off", () => {
  let stack: LabStack;
  beforeAll(async () => {
    stack = await LabStack.start();
  });
  beforeEach(() => stack.turnOn());
  afterEach(() => {
    expect(stack.recorded()).toEqual({ auth: false, phase: "allow" });
    expect(Object.values(stack.demands()).flat()).toEqual([]);
    expect(stack.enabled()).toBe(false);
    stack.rollCilium();
  });
  afterAll(() => stack?.stop());

  test("whoever wrote to the policies, to Cilium's values and to the output about access last, and while a rule is there that no update has recorded", () => {
    leaveUnrecorded(stack);
    const rule = { fromEntities: ["cluster"], authentication: { mode: "required" } };
    stack.apply("k9s", [
      {
        apiVersion: "cilium.io/v2",
        kind: "CiliumNetworkPolicy",
        metadata: { name: policy, namespace: "orders" },
        specs: [{ endpointSelector: { matchLabels: { app: "api" } }, ingress: [rule] }],
      },
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: values, namespace: "kube-system" },
        data: { "values.yaml": '{ "authentication": { "enabled": true, "mutual": {} } }' },
      },
    ]);
    stack.replaceOutput(lastAccessOutput, { by: "somebody else" });
    stack.set("auth", "false");
    expect(stack.up()).toContain("Who gains or loses access by this update is not known");
    expect(stack.recordedAccess()).toMatchObject({ auth: false, phases: { orders: "allow" } });
    expect(stack.demands()).toEqual({ [policy]: [] });
  });

  test("and is recorded although a change of SPIRE fails", async () => {
    stack.set("auth", "false");
    stack.set("spire.ttl.x509Svid", "2h");
    await stack.denying("spire-server", () => stack.failingUp());
    expect(stack.recorded()).toEqual({ auth: false, phase: "allow" });
    stack.up(withoutPack);
  });

  test("first of all for callers, where the API server refuses Cilium's values, and wholly once it takes them", async () => {
    stack.set("auth", "false");
    await stack.denying(values, () => {
      const { status, output } = stack.project.pulumi(["up", "--yes", "--stack", "apps"]);
      expect(status).not.toBe(0);
      expect(output).toContain(`not now: ${values}`);
    });
    expect(Object.values(stack.demands()).flat()).toEqual([]);
    expect(stack.recorded()).toEqual({ auth: true, phase: "require" });
    stack.up(withoutPack);
  });

  test("after the policies and Cilium's values were deleted by hand: the values are made again", () => {
    stack.set("auth", "false");
    stack.plane.kubectl(["delete", "ciliumnetworkpolicies", "--all", "--namespace", "orders"]);
    stack.plane.kubectl(["delete", "configmap", values, "--namespace", "kube-system"]);
    const output = stack.project.must(["up", "--yes", "--stack", "apps"]);
    expect(output).toContain(`ConfigMap kube-system/${values} is missing: this update makes it again`);
    expect(output).toContain(`CiliumNetworkPolicy orders/${policy} is missing`);
    stack.project.must(["up", "--refresh", "--yes", "--skip-preview", "--stack", "apps"]);
  });
});

/** Kills an update that has made a rule which demands authentication. */
function leaveUnrecorded(stack: LabStack): void {
  stack.set("access[1].name", "admin");
  stack.set("access[1].target.namespace", "orders");
  stack.set("access[1].target.selector.app", "admin");
  stack.set("access[1].port", "9090");
  stack.set("access[1].callers[0].namespace", "web");
  stack.set("access[1].callers[0].serviceAccount", "frontend");
  stack.failingUp({ ...withoutPack, ZT_KILL_AFTER: `access-orders-${policy}` });
  stack.project.must(["cancel", "--yes", "--stack", "apps"]);
  expect(stack.demands()[policy]).toEqual(["required", "required"]);
}
