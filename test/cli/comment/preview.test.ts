import { describe, expect, test } from "vitest";
import { readPreview, withoutValues } from "../../../cli/comment/preview";

const urn = (types: string, name: string) => `urn:pulumi:apps::zero-trust::${types}::${name}`;
const policy = "kubernetes:cilium.io/v2:CiliumNetworkPolicy";
/** As Pulumi's CLI writes it, with values where it has them. */
const digest = {
  config: { "zero-trust:auth": "a value of the configuration" },
  steps: [
    { op: "same", urn: urn("pulumi:pulumi:Stack", "zero-trust-apps") },
    {
      op: "update",
      urn: urn(`zero-trust:access:CiliumAuthPolicy$${policy}`, "access-orders-allow"),
      oldState: { inputs: { spec: "a value of before" } },
      newState: { inputs: { spec: "a value of now" } },
      diffReasons: ["spec"],
      detailedDiff: { "spec.ingress[0].authentication": { kind: "add", inputDiff: true } },
    },
    { op: "create", urn: urn("kubernetes:core/v1:Secret", "a::b"), detailedDiff: null },
  ],
  diagnostics: [
    { message: "orders, shop and 8 more: allow -> require\n", severity: "info" },
    { message: "warning: images-pinned: StatefulSet spire/spire-server has no digest", severity: "warning" },
    {
      message: "error: one-step: zero-trust:rollout.phases.orders goes from off to require\nevidence: none is there",
      severity: "error",
    },
    { message: "error: configured Kubernetes cluster is unreachable", severity: "error" },
  ],
  changeSummary: { same: 20, update: 1, create: 1 },
};
const guardrails = ["one-step", "evidence", "images-pinned"];
const read = (printed: object, failed = false) => readPreview(JSON.stringify(printed), "", failed, guardrails);

describe("what a preview said", () => {
  test("is the resources by name with the names of what changes, the phases, and why it failed", () => {
    expect(read(digest, true)).toEqual({
      failed: true,
      counts: { same: 20, update: 1, create: 1 },
      steps: [
        { operation: "update", type: policy, name: "access-orders-allow", keys: ["spec.ingress[0].authentication"] },
        { operation: "create", type: "kubernetes:core/v1:Secret", name: "a::b", keys: [] },
      ],
      verdicts: [
        { guardrail: "images-pinned", mandatory: false, said: "StatefulSet spire/spire-server has no digest" },
        { guardrail: "one-step", mandatory: true, said: "zero-trust:rollout.phases.orders goes from off to require" },
        { guardrail: "evidence", mandatory: true, said: "none is there" },
      ],
      phases: ["orders, shop and 8 more: allow -> require"],
      errors: ["configured Kubernetes cluster is unreachable"],
    });
  });

  test("holds no value of the configuration and none of a resource", () => {
    expect(JSON.stringify(read(digest))).not.toContain("a value of");
  });

  test("is the same where only what has no value was kept of it", () => {
    const kept = withoutValues(JSON.stringify(digest)) ?? "";
    expect(kept).not.toMatch(/a value of|"kind":"add"/);
    expect(readPreview(kept, "", false, guardrails)).toEqual(read(digest));
    expect(withoutValues("error: no stack")).toBeUndefined();
  });

  test("without JSON is what the command said instead, and a failure whatever it ended with", () => {
    expect(readPreview("", "error: no stack named 'apps' found\n", false, [])).toMatchObject({
      failed: true,
      errors: ["error: no stack named 'apps' found"],
    });
  });

  test("is read where something was printed before the JSON and after it", () => {
    expect(readPreview(`Logging in\n${JSON.stringify(digest)}\nerror: it failed`, "", false, []).steps).toHaveLength(2);
  });

  test("is nothing where nothing changes", () => {
    expect(read({ steps: null, changeSummary: { same: 3 } })).toMatchObject({ failed: false, steps: [], errors: [] });
  });
});
