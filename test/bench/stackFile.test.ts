import fc from "fast-check";
import { expect, test } from "vitest";
import { stackOf } from "../../bench/stackFile";
import { loadConfig } from "../../components/config/load";
import { previousFor } from "../../components/origins";
import { plan } from "../../components/plan";
import { manifestsOf } from "../../components/kubernetes";

test("the benchmark's stack has one policy that demands authentication for each intent, so that it measures what it says", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 120 }), (intents) => {
      const config = loadConfig(stackOf(intents), "bench");
      const policies = manifestsOf(plan(config, previousFor("on", config)).components).filter(
        (manifest) => manifest.kind === "CiliumNetworkPolicy" && JSON.stringify(manifest).includes('"required"'),
      );
      expect(policies).toHaveLength(intents);
    }),
    { numRuns: 20 },
  );
});
