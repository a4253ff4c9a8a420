import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { stackOf, writeProject } from "../../bench/stackFile";
import { loadConfig } from "../../config/load";
import { readStackFile } from "../../config/stackFile";
import type { StackConfig } from "../../core/schema/schema";
import { previousFor, type Origin } from "../../plan/origins";
import { plan } from "../../plan/plan";
import { manifestsOf } from "../../core/util/kubernetes";
import { factsOfPlan } from "../../policy/facts/facts";
import { judge, messagesOf } from "../../policy/rules/guardrail";
import { guardrails } from "../../policy/guardrails";
import { configOf } from "../support/stacks";

test("the benchmark's stack has one rule that demands authentication for each intent, and one policy for each namespace, so that it measures what it says", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 120 }), (intents) => {
      const config = loadConfig(stackOf(intents), "bench");
      const policies = manifestsOf(plan(config, previousFor("on", config)).components).filter(
        ({ kind }) => kind === "CiliumNetworkPolicy",
      );
      expect(JSON.stringify(policies).match(/"mode":"required"/g)).toHaveLength(intents);
      expect(policies).toHaveLength(Object.keys(config.rollout.phases).length);
    }),
    { numRuns: 20 },
  );
});

/** What stops an update of a stack, from where it may be before it. */
const stops = (name: string, config: StackConfig, origin: Origin) => {
  const previous = previousFor(origin, { ...config, auth: true });
  const facts = factsOfPlan({ name, peers: [], evidence: () => [] }, config, plan(config, previous), previous);
  return judge(guardrails, facts).flatMap(({ guardrail, violations }) =>
    messagesOf(
      guardrail,
      violations.filter(({ severity }) => severity === "mandatory"),
    ),
  );
};

/** The stack as the benchmarks write it and the program reads it. */
function projectOf(intents: number): StackConfig {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-test-"));
  try {
    writeProject(directory, intents);
    return loadConfig(readStackFile(directory, "bench"), "bench", { directory });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test.each([1, 10, 100, 1000])(
  "no guardrail stops the benchmark's stack of %i intents: new, on or turned off",
  (intents) => {
    const config = projectOf(intents);
    expect(stops("bench", config, "new")).toEqual([]);
    expect(stops("bench", config, "on")).toEqual([]);
    expect(stops("bench", { ...config, auth: false }, "on")).toEqual([]);
  },
);

test.each(["infra", "apps"])("no guardrail stops the stack %s, which benchmarks take as it is", (name) => {
  const config = configOf(name);
  expect(stops(name, config, "on")).toEqual([]);
  expect(stops(name, { ...config, auth: false }, "on")).toEqual([]);
});
