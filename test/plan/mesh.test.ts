import { describe, expect, test } from "vitest";
import { loadConfig, type ConfigError } from "../../config/load";
import type { StackConfig } from "../../core/schema/schema";
import { previousFor } from "../../plan/origins";
import { plan } from "../../plan/plan";
import { decideKnown } from "../../program/baseline";
import { gateRights } from "../../live/rights";
import { types } from "../../components/types";
import { factsOfPlan } from "../../policy/facts/facts";
import { judge } from "../../policy/rules/guardrail";
import { guardrails } from "../../policy/guardrails";
import { viewOf } from "../../cli/lib/view";
import { breakGlass } from "../../cli/render/breakGlass";
import { transitions } from "../support/stacks";

const meshes = {
  istio: { istio: { pathNormalization: "DECODE_AND_MERGE_SLASHES" } },
  ambient: { istio: { pathNormalization: "DECODE_AND_MERGE_SLASHES", mode: "ambient", waypoint: "waypoint" } },
  linkerd: { linkerd: {} },
} as const;

/** How each is told, and how many objects turn it off. */
const said = new Map([
  ["istio", { title: "Istio (sidecar)", commands: 3 }],
  ["ambient", { title: "Istio (ambient)", commands: 4 }],
  ["linkerd", { title: "Linkerd", commands: 1 }],
]);

/** In ambient mode, the Service in front of the target. */
const serviceFor = (mesh: { istio?: { waypoint?: string } }) =>
  mesh.istio?.waypoint === undefined ? {} : { service: { name: "api", port: 80 } };

const values = (mesh: object): Record<string, unknown> => ({
  auth: true,
  trustDomain: "apps.zt.internal",
  cluster: {
    name: "apps",
    context: "apps",
    identity: "00000000-0000-0000-0000-000000000000",
    kubernetes: "1.34",
  },
  mesh,
  spire: { install: "none" },
  rollout: { phases: { orders: "require" }, greenfield: ["orders"] },
  access: [
    {
      name: "api",
      target: { namespace: "orders", selector: { app: "api" }, ...serviceFor(mesh) },
      port: 8080,
      callers: [
        { namespace: "web", serviceAccount: "frontend" },
        { cidr: "192.0.2.0/24", reason: "the office calls it" },
      ],
    },
    {
      name: "reports",
      target: { namespace: "orders", selector: { app: "api" }, ...serviceFor(mesh) },
      port: 8080,
      callers: [{ namespace: "billing", serviceAccount: "*" }],
      operations: [{ methods: ["GET"], paths: [{ prefix: "/v1" }, { exact: "/healthz" }] }],
    },
  ],
});

const load = (mesh: object, changes: Record<string, unknown> = {}): StackConfig =>
  loadConfig({ ...values(mesh), ...changes }, "apps");
const problems = (mesh: object, changes: Record<string, unknown> = {}) => {
  try {
    load(mesh, changes);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ key, problem, allowed }) => `${key} ${problem}: ${allowed}`);
  }
};

describe.each(Object.entries(meshes))("a stack whose mesh is %s", (name, mesh) => {
  const planOf = (auth: boolean, from: (typeof transitions)[number]["from"]) => {
    const config = load(mesh, { auth });
    const previous = previousFor(from, config);
    return { config, previous, update: plan(config, previous) };
  };

  test.each(transitions)(
    "$name: its whole resource graph changes only on purpose",
    async ({ name: transition, from, auth }) => {
      const { update } = planOf(auth, from);
      const components = update.components.map(({ kind, ...component }) => ({ type: types[kind], ...component }));
      const graph = { outputs: update.outputs, recordedAfter: update.recordedAfter, components };
      await expect(`${JSON.stringify(graph, null, 2)}\n`).toMatchFileSnapshot(`../golden/${name}-${transition}.json`);
    },
  );

  test.each(transitions)("$name: no guardrail stops it", ({ from, auth }) => {
    const { config, previous, update } = planOf(auth, from);
    const verdicts = judge(guardrails, factsOfPlan({ name: "apps", peers: [] }, config, update, previous));
    const found = verdicts.flatMap(({ guardrail, violations }) =>
      violations.map(({ message }) => `${guardrail.name}: ${message}`),
    );
    expect(found).toEqual([]);
  });

  test("turns authentication off by changing objects, none of which is deleted, replaced or new, and denies nobody then", () => {
    const names = ({ update }: ReturnType<typeof planOf>) =>
      update.components.flatMap(({ objects }) => objects.map(({ name }) => name)).sort();
    const [on, off] = [planOf(true, "on"), planOf(false, "on")];
    expect(names(off)).toEqual(names(on));
    expect(off.update.outputs.rollout.objects).toEqual(on.update.outputs.rollout.objects);
    expect(on.update.outputs.rollout.phases).toEqual({ orders: "require" });
    expect(off.update.outputs.rollout.phases).toEqual({ orders: "observe" });
    expect(off.update.outputs.rollout.earned).toEqual({ orders: "require" });
  });

  test("has neither SPIRE nor Cilium in it, and waits for neither", () => {
    const { update, config } = planOf(true, "off");
    expect(update.components.map(({ kind }) => kind)).toEqual([
      "MeshNamespaces",
      name === "linkerd" ? "LinkerdAuthPolicy" : "IstioAuthPolicy",
    ]);
    expect(update.ciliumValues).toBeUndefined();
    expect([update.waitsForCilium, update.waitsForNodes, update.waitsForSpire]).toEqual([false, false, false]);
    const look = { reachable: true, identity: config.cluster.identity, cilium: "off" } as const;
    expect(decideKnown(config, undefined, look, false)).toEqual({ previous: {}, errors: [], notes: [] });
    expect(JSON.stringify(gateRights(config))).not.toMatch(/cilium|exec/);
  });

  test("can be told and turned off without Pulumi", () => {
    const { config, update } = planOf(false, "on");
    const stack = { name: "apps", from: "on", config, plan: update, verdicts: [], waivers: [] } as const;
    expect(viewOf(stack, (_, text) => text)).toContain(said.get(name)?.title);
    expect(breakGlass(stack)).toContain("get --output 'jsonpath=");
    const commands = breakGlass(stack)
      .split("\n")
      .filter((line) => line.startsWith("kubectl"));
    expect(commands.length).toBe(said.get(name)?.commands);
    for (const command of commands)
      expect(command).toMatch(/patch \w+\.(security\.istio|policy\.linkerd)\.io \S+ --type merge/);
  });
});

test("a Service in front of a target is refused where no waypoint is, and a preview says which ones need their label", () => {
  const { access } = values(meshes.ambient);
  const refused = expect.stringMatching(
    /^zero-trust:access\[0\]\.target\.service .*: nothing: it has an effect only in/,
  ) as string;
  expect(problems(meshes.linkerd, { access })).toContainEqual(refused);
  expect(problems(meshes.istio, { access })).toContainEqual(refused);
  const config = load(meshes.ambient);
  const notes = (from: (typeof transitions)[number]["from"]) => plan(config, previousFor(from, config)).notes;
  const label = "kubectl --context apps label service api --namespace orders istio.io/use-waypoint=waypoint";
  expect(notes("new").join()).toContain(label);
  expect(notes("on").join()).not.toContain("label service");
});

describe("a mesh", () => {
  test("stands in the place of Cilium, and brings its own certificates", () => {
    const cluster = values({})["cluster"] as object;
    const cilium = { version: "1.19.3", delivery: "flux" };
    expect(problems(meshes.istio, { cluster: { ...cluster, cilium } })).toEqual([
      expect.stringMatching(/^zero-trust:cluster\.cilium .*: nothing: with another mesh/) as string,
    ]);
    expect(problems(meshes.linkerd, { spire: {} })).toEqual([
      expect.stringMatching(/^zero-trust:spire\.install .*: none with Linkerd/) as string,
    ]);
    const { mesh: _, ...others } = values({});
    expect(() => loadConfig({ ...others, cluster: { ...cluster, cilium } }, "apps")).toThrow(
      "zero-trust:spire.install",
    );
    expect(problems({ istio: {}, linkerd: {} })).toHaveLength(1);
  });

  test("refuses what it cannot say, but not while authentication is off", () => {
    const access = [{ ...(values({})["access"] as object[])[0], callers: [{ entity: "host" }] }];
    for (const mesh of Object.values(meshes)) {
      expect(problems(mesh, { access })).toEqual([
        expect.stringMatching(/^zero-trust:access\[0\]\.callers\[0\]\.entity is "host": a cidr/) as string,
      ]);
    }
    expect(problems({ istio: {} })).toEqual([
      expect.stringMatching(/^zero-trust:mesh\.istio\.pathNormalization is missing: MERGE_SLASHES or/) as string,
    ]);
    expect(problems({ istio: {} }, { auth: false })).toEqual([]);
  });
});
