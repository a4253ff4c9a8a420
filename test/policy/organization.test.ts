import type { ResourceValidationArgs, StackValidationArgs } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, test } from "vitest";
import { passedOn } from "../../config/accessFile";
import { readStackFile } from "../../config/stackFile";
import { types } from "../../components/types";
import { guardrails } from "../../policy/guardrails";
import { letsOff, organizationStack } from "../../policy/pack/organizationStack";
import { policiesOf } from "../../policy/pack/pack";
import type { PackResource } from "../../policy/pack/packFacts";
import { helm, root, transitionOf } from "../support/stacks";
import { startPack } from "./packDriver";

/** The configuration as the engine has it, of the stack apps with assignments, without the keys that are left out. */
function configure(assignments: readonly string[] = [], without: readonly string[] = []): void {
  const values = Object.entries(readStackFile(root, "apps", assignments)).filter(([key]) => !without.includes(key));
  pulumi.runtime.setAllConfig(passedOn(Object.fromEntries(values)));
}

/** What stops an update, and what only warns. */
function judge(resources: readonly PackResource[]): { stops: string[]; warns: string[] } {
  const found: Record<string, string[]> = {};
  for (const { name, ...policy } of policiesOf(guardrails.map(letsOff), organizationStack)) {
    const report = (message: string) => (found[name] ??= []).push(message);
    if ("validateStack" in policy) void policy.validateStack({ resources } as unknown as StackValidationArgs, report);
    if ("validateResource" in policy && typeof policy.validateResource === "function")
      for (const resource of resources)
        void policy.validateResource(
          { ...resource, opts: { ignoreChanges: [] } } as unknown as ResourceValidationArgs,
          report,
        );
  }
  return { stops: found["guardrails"] ?? [], warns: found["advice"] ?? [] };
}

const policyIn = (namespace: string, ingress: object): PackResource => ({
  type: "kubernetes:cilium.io/v2:CiliumNetworkPolicy",
  name: "foreign",
  props: {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: { name: "foreign", namespace },
    spec: { endpointSelector: {}, ingress: [ingress] },
  },
});
const asksEverybody = policyIn("orders", { authentication: { mode: "required" }, fromEndpoints: [{}] });
const fromEverywhere = policyIn("orders", { fromEntities: ["all"] });
/** What the program tells the engine of the state before: the namespace orders in `allow`. */
const inAllow = (): PackResource => {
  const { previous } = transitionOf("apps", { from: "on", auth: true });
  const state = { ...previous.state, earned: { orders: "allow" }, phases: { orders: "allow" } };
  return { type: types.Rollout, name: "rollout", props: { previous: { ...previous, state } } };
};

describe("the policy pack of an organization", () => {
  beforeEach(async () => {
    await startPack();
    configure();
  });

  test("says nothing of stacks that have no key of ours", () => {
    pulumi.runtime.setAllConfig({ "shop:replicas": "3" });
    expect(judge([asksEverybody])).toEqual({ stops: [], warns: [] });
  });

  test("stops what the project's own stops, an object and a stack", () => {
    configure(["rollout.phases.kube-system=require"]);
    const { stops } = judge([asksEverybody]);
    expect(stops).toContainEqual(expect.stringMatching(/^no-broad-auth-rule: CiliumNetworkPolicy orders\/foreign/));
    expect(stops).toContainEqual(expect.stringMatching(/^protected-namespaces: .*kube-system is require/));
  });

  test("stops no update that turns authentication off, not even for what stops it in the project: it may be older than the program", () => {
    configure(["rollout.phases.kube-system=require", "auth=false"]);
    expect(guardrails.some(({ blocksOff }) => blocksOff)).toBe(true);
    expect(guardrails.map(letsOff).some(({ blocksOff }) => blocksOff)).toBe(false);
    const { stops, warns } = judge([asksEverybody]);
    expect(stops).toEqual([]);
    expect(warns).toContainEqual(expect.stringMatching(/^no-required-while-disabled: /));
    expect(warns).toContainEqual(expect.stringMatching(/^protected-namespaces: /));
  });

  test("says which keys it cannot read, as of a newer program, and stops only what leaves authentication on", () => {
    const says = /^configuration: zero-trust:future cannot be read; where the program can, publish the pack/;
    configure(["future=1"]);
    expect(judge([asksEverybody])).toEqual({ stops: [expect.stringMatching(says)], warns: [] });
    configure(["future=1", "auth=false"]);
    expect(judge([asksEverybody])).toEqual({ stops: [], warns: [expect.stringMatching(says)] });
  });

  test("takes intents that are in a file of the project for unknown, and not for none", () => {
    configure(["accessFile=access.yaml"], ["access"]);
    const { stops, warns } = judge([asksEverybody, fromEverywhere]);
    expect(warns).toContainEqual("no-bypass: is not decided here: the intents are in access.yaml");
    expect(stops).toContainEqual(expect.stringMatching(/^no-broad-auth-rule: /));
    configure();
    expect(judge([fromEverywhere]).warns.join()).not.toContain("is not decided here");
  });

  test("leaves evidence to the project, where it is", () => {
    configure(["rollout.phases.orders=require", "rollout.greenfield=[]"]);
    const { stops, warns } = judge([inAllow()]);
    expect(stops.join()).not.toContain("evidence: ");
    expect(warns).toContainEqual("evidence: is not decided here: it is among the project's files");
  });

  test("does not look for the file with Cilium's values", () => {
    configure([...helm, "cluster.cilium.valuesFile=nowhere.yaml"]);
    expect(judge([]).stops.join()).not.toContain("cannot be read");
  });
});
