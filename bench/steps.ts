// What render and the policy pack spend their time on: run in a process of its own for each measurement, `node .build/steps.js DIRECTORY STACK`, so that
// nothing is warm. Prints milliseconds by step, as JSON.
import { unknownCheckingProxy } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessPage, filesOf, writeFile, writeFiles } from "../cli/files";
import { viewOf } from "../cli/view";
import { loadConfig } from "../components/config/load";
import { readPeers } from "../components/config/peers";
import type { StackConfig } from "../components/config/schema";
import { readStackFile } from "../components/config/stackFile";
import { previousFor } from "../components/origins";
import { plan, type Plan } from "../components/plan";
import { recordOf } from "../components/rollout/record";
import { manifestsOf } from "../components/kubernetes";
import { types } from "../components/types";
import { factsOfPlan } from "../policy/facts";
import { judge } from "../policy/guardrail";
import { guardrails } from "../policy/guardrails";
import { policiesOf } from "../policy/pack";
import { factsOfResources, type PackResource } from "../policy/packFacts";

const [directory = ".", name = "apps"] = process.argv.slice(2);
const times: Record<string, number> = {};
function timed<T>(step: string, work: () => T): T {
  const start = process.hrtime.bigint();
  const result = work();
  times[step] = Number(process.hrtime.bigint() - start) / 1e6;
  return result;
}

function main(): void {
  const values = timed("read the stack file", () => readStackFile(directory, name));
  const config = timed("loadConfig", () => loadConfig(values, name, { directory }));
  const previous = previousFor("on", config);
  const update = timed("plan", () => plan(config, previous));
  timed("recordOf", () => recordOf(manifestsOf(update.components)));
  const stack = { name, peers: timed("readPeers", () => readPeers(directory, name)) };
  const verdicts = timed("judge", () => judge(guardrails, factsOfPlan(stack, config, update, previous)));
  timed("write the files", () => {
    const rendered = { name, from: undefined, config, plan: update, verdicts, waivers: [] };
    const out = mkdtempSync(join(tmpdir(), "zero-trust-bench-"));
    writeFiles(out, filesOf(rendered).files);
    writeFile(join(out, "docs.md"), accessPage(rendered));
    viewOf(rendered, (_, text) => text);
    rmSync(out, { recursive: true });
  });

  const resources = resourcesOf(update, config.cluster, previous);
  timed("factsOfResources", () => factsOfResources({ stack, config }, resources));
  // The pack reads the configuration that the engine hands it.
  process.env["PULUMI_CONFIG_SECRET_KEYS"] = "[]";
  void pulumi.runtime.setMocks(
    { newResource: () => ({ id: "", state: {} }), call: () => ({}) },
    "zero-trust",
    name,
    false,
  );
  pulumi.runtime.setAllConfig(
    Object.fromEntries(
      Object.entries(values).map(([key, value]) => [
        `zero-trust:${key}`,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
  );
  timed("the pack's stack policies", () => {
    for (const policy of policiesOf(guardrails, directory))
      if ("validateStack" in policy)
        void policy.validateStack({ resources } as unknown as Parameters<typeof policy.validateStack>[0], (message) => {
          if (policy.enforcementLevel === "mandatory") throw new Error(`${policy.name}: ${String(message)}`);
        });
  });
  process.stdout.write(JSON.stringify(times));
}

/** A plan's resources as the engine shows them to the pack: behind proxies that look for what is unknown. */
function resourcesOf(
  { components, outputs, ciliumValues }: Plan,
  { context, identity }: StackConfig["cluster"],
  previous: object,
): PackResource[] {
  const proxied = (props: object) => (unknownCheckingProxy as (props: object) => Record<string, unknown>)(props);
  const provider = {
    name: "cluster",
    type: "pulumi:providers:kubernetes",
    props: { context, clusterIdentifier: identity },
  };
  return [
    { type: types.Rollout, name: "rollout", props: proxied({ ...outputs.rollout, previous }) },
    ...components.flatMap(({ kind, name, args, objects, after }) => {
      const before = components.filter((other) => after.includes(other.name)).flatMap((other) => other.objects);
      return [
        {
          type: types[kind],
          name,
          props: proxied({ ...args, values: ciliumValues }),
          dependencies: before.map(({ name }) => ({ name })),
        },
        ...objects.map((object) => ({
          type: `kubernetes:${object.manifest.apiVersion}:${object.manifest.kind}`,
          name: object.name,
          props: proxied(object.manifest),
          parent: { name },
          provider,
          dependencies: object.after.map((name) => ({ name })),
        })),
      ];
    }),
  ];
}

main();
