import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load as parse } from "js-yaml";
import { afterAll, describe, expect, test } from "vitest";
import { breakGlass } from "../../cli/render/breakGlass";
import { viewOf } from "../../cli/lib/view";
import { loadConfig, type ConfigError } from "../../config/load";
import type { StackConfig } from "../../core/schema/schema";
import { previousFor, type Origin } from "../../plan/origins";
import { plan } from "../../plan/plan";
import { decideKnown } from "../../program/baseline";
import { lookAt } from "../../live/probes/cilium";
import { gateRights } from "../../live/rights";
import type { Previous } from "../../core/rollout/state";
import { types } from "../../components/types";
import { factsOfPlan } from "../../policy/facts/facts";
import { judge } from "../../policy/rules/guardrail";
import { guardrails } from "../../policy/guardrails";
import { cluster, uid, withCluster } from "../support/fakeCluster";
import { configOf } from "../support/stacks";

const directory = mkdtempSync(join(tmpdir(), "zero-trust-ztunnel-"));
afterAll(() => rmSync(directory, { recursive: true }));
const valuesFile = (name: string, encryption: object) => {
  writeFileSync(join(directory, name), JSON.stringify({ encryption }));
  return { version: "1.20.2", delivery: "helm", valuesFile: name };
};
const on = valuesFile("on.json", { enabled: true, type: "ztunnel" });
const bySpire = valuesFile("spire.json", { enabled: true, type: "ztunnel", ztunnel: { ca: { type: "spire" } } });
const wireguard = valuesFile("wireguard.json", { enabled: true, type: "wireguard" });
const flux = { version: "1.20.2", delivery: "flux" };

interface Changes {
  readonly cilium?: object;
  readonly mesh?: object;
  readonly [key: string]: unknown;
}
const load = ({ cilium = on, mesh = { experimental: true }, ...changes }: Changes = {}): StackConfig =>
  loadConfig(
    {
      auth: false,
      trustDomain: "apps.zt.internal",
      cluster: { name: "apps", context: "apps", identity: uid, kubernetes: "1.34", cilium },
      mesh: { ztunnel: mesh },
      spire: { install: "none" },
      rollout: { phases: { orders: "observe", registry: "observe", attic: "off" } },
      ...changes,
    },
    "apps",
    { directory },
  );
const problems = (changes: Changes) => {
  try {
    load(changes);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ key, allowed, fix }) => `${key}: ${allowed} | ${fix}`);
  }
};

const intent = {
  name: "api",
  target: { namespace: "orders", selector: { app: "api" } },
  port: 8080,
  callers: [{ namespace: "web", serviceAccount: "frontend" }],
};
writeFileSync(join(directory, "access.json"), JSON.stringify([intent]));

describe("a configuration with ztunnel", () => {
  test("says that it is experimental, and is told what that means", () => {
    for (const mesh of [{}, { experimental: false }])
      expect(problems({ mesh })).toEqual([
        expect.stringMatching(/^zero-trust:mesh\.ztunnel\.experimental: true, written out: ztunnel is beta.*true$/),
      ]);
    expect(load({ mesh: { experimental: "true" } }).mesh?.ztunnel).toEqual({ experimental: true, namespaces: "patch" });
  });

  test.each<[string, Changes, RegExp]>([
    ["authentication by Cilium", { auth: true }, /^zero-trust:auth: false: beside ztunnel Cilium authenticates nobody/],
    ["intents", { access: [intent] }, /^zero-trust:access: nothing: .* no intent could be kept.* rm /],
    ["intents in a file", { accessFile: "access.json" }, /^zero-trust:accessFile: nothing: .* no intent could be kept/],
    ...["allow", "require"].map(
      (phase) =>
        [
          `the phase ${phase}`,
          { rollout: { phases: { orders: phase } } },
          /^zero-trust:rollout\.phases\.orders: off, or observe, which enrols it: with ztunnel nobody can be denied/,
        ] as [string, Changes, RegExp],
    ),
    [
      "a ClusterMesh",
      { cilium: { ...flux, clusterMesh: true } },
      /^zero-trust:cluster\.cilium\.clusterMesh: false: .* agents do not start/,
    ],
    ["a Cilium without it", { cilium: { ...flux, version: "1.18.3" } }, /cilium\.version: 1\.19 or later/],
    ["SPIRE's certificates", { cilium: bySpire }, /cilium\.valuesFile: .* incomplete \(cilium#41900\)/],
  ])("refuses %s, and says what to write instead", (_, changes, says) => {
    expect(problems(changes)).toEqual([expect.stringMatching(says)]);
  });

  test("refuses nothing with authentication off that it takes with it on, so that none of it is in the way off", () => {
    const wrong: Changes = {
      cilium: { ...bySpire, version: "1.18.3", clusterMesh: true },
      access: [intent],
      rollout: { phases: { orders: "require" } },
    };
    const [off, whenOn] = [problems(wrong), problems({ ...wrong, auth: true })];
    expect(off).toHaveLength(5);
    expect(whenOn).toEqual(expect.arrayContaining(off));
  });

  test("is as docs/ztunnel.md has it", () => {
    const [, example = ""] = /```yaml\n(zero-trust:[^]*?)```/.exec(readFileSync("docs/ztunnel.md", "utf8")) ?? [];
    const values = Object.entries(parse(example) as Record<string, unknown>);
    const given = Object.fromEntries(values.map(([key, value]) => [key.replace("zero-trust:", ""), value]));
    expect(loadConfig(given, "apps")).toMatchObject({
      mesh: { ztunnel: { experimental: true } },
    });
  });

  test("needs Cilium, and may leave SPIRE to others", () => {
    const { cluster } = load();
    const { cilium: _, ...without } = cluster;
    expect(problems({ cluster: without })).toEqual([
      expect.stringMatching(/cluster\.cilium\.version/),
      expect.stringMatching(/cluster\.cilium\.delivery/),
    ]);
    for (const install of ["managed", "bundled", "none"]) expect(problems({ spire: { install } })).toEqual([]);
  });
});

describe("a stack with ztunnel", () => {
  const updateFrom = (from: Origin, changes: Changes = {}) => {
    const config = load(changes);
    const previous = previousFor(from, config);
    return { config, previous, update: plan(config, previous) };
  };
  const verdictsOf = ({ config, previous, update }: ReturnType<typeof updateFrom>) =>
    judge(guardrails, factsOfPlan({ name: "apps", peers: [] }, config, update, previous));
  const patches = (config: StackConfig, previous: Previous) =>
    plan(config, previous).components.flatMap(({ objects }) =>
      objects.filter(({ patch }) => patch).map(({ manifest, keep }) => ({ ...manifest.metadata, keep })),
    );

  test("its whole resource graph changes only on purpose", async () => {
    const { update } = updateFrom("new", { cilium: flux });
    const components = update.components.map(({ kind, ...component }) => ({ type: types[kind], ...component }));
    const graph = { outputs: update.outputs, recordedAfter: update.recordedAfter, components };
    await expect(`${JSON.stringify(graph, null, 2)}\n`).toMatchFileSnapshot("../golden/ztunnel-new-off.json");
  });

  test("takes each namespace in observe in at once, by a label that stays, and has no policy", () => {
    const { update, config, previous } = updateFrom("new");
    expect(update.components.map(({ kind }) => kind)).toEqual(["CiliumAuth", "MeshNamespaces"]);
    const patched = (name: string) => ({
      ...{ name, keep: "retained", labels: { "io.cilium/mtls-enabled": "true" } },
      annotations: { "pulumi.com/patchFieldManager": "zero-trust-mesh" },
    });
    expect(patches(config, previous)).toEqual([patched("orders"), patched("registry")]);
    expect(update.outputs.rollout).toMatchObject({
      auth: false,
      phases: { orders: "observe", registry: "observe", attic: "off" },
      marked: ["orders", "registry"],
    });
  });

  test("is stopped by no guardrail, and warned where nothing of it would be in force", () => {
    for (const from of ["new", "off"] as const)
      for (const spire of [{ install: "none" }, { install: "managed" }]) {
        const found = verdictsOf(updateFrom(from, { spire })).filter(({ verdict }) => verdict === "fail");
        expect(found.map(({ violations }) => violations)).toEqual([]);
      }
    const alone = (cilium: object) =>
      verdictsOf(updateFrom("off", { cilium })).find(({ guardrail }) => guardrail.name === "ztunnel-alone");
    expect(alone(on)).toMatchObject({ verdict: "pass" });
    expect(alone(wireguard)).toMatchObject({
      verdict: "warn",
      violations: [{ where: "Namespace orders" }, { where: "Namespace registry" }],
    });
    expect(alone(flux)).toMatchObject({
      verdict: "not decided",
      undecided: "whether Cilium's values turn ztunnel on, in which orders, registry are enrolled: others write them",
    });
  });

  test("does not begin in the update that turns authentication off, which refuses to delete what demands it", () => {
    const before = configOf("apps");
    const { state } = previousFor("on", before);
    const config = load();
    const previous: Previous = { state: state!, cilium: "on", namespaces: { orders: "ours", registry: "ours" } };
    expect(patches(config, previous)).toEqual([]);
    const inPlace = verdictsOf({ config, previous, update: plan(config, previous) }).find(
      ({ guardrail }) => guardrail.name === "in-place-transition",
    );
    expect(inPlace).toMatchObject({ verdict: "fail" });
  });

  describe("in an update", () => {
    const answers = (data: object = {}, rolled = 3) => {
      const all = cluster({ authenticating: false });
      const at = "/api/v1/namespaces/kube-system/configmaps/cilium-config";
      const agents = "/apis/apps/v1/namespaces/kube-system/daemonsets/cilium";
      const { status, ...agent } = all[agents] as { status: object };
      return {
        ...all,
        [at]: { metadata: { name: "cilium-config" }, data },
        [agents]: { ...agent, status: { ...status, updatedNumberScheduled: rolled } },
      };
    };
    const ztunnel = { "enable-ztunnel": "true" };
    const ours = { namespaces: { orders: "ours", registry: "ours" }, outside: {} } as const;
    const known = async (
      given: ReturnType<typeof answers>,
      state?: Previous["state"],
      namespaces: Parameters<typeof decideKnown>[4] = { mesh: ours },
    ) => {
      const config = load();
      const look = await withCluster(given, ["apps"], () => lookAt(config.cluster));
      const { previous, errors, notes } = decideKnown(config, state, look, false, namespaces);
      return { previous, errors, notes: notes.join("\n"), patched: patches(config, previous).map(({ name }) => name) };
    };
    const { state } = previousFor("off", load());
    const fresh = { ...state!, marked: [] };

    test("a namespace is enrolled once ztunnel runs on every node, and not before", async () => {
      const waits =
        /^Cilium's ztunnel does not run on every node \(.*\), so orders, registry are not enrolled yet: update again then$/;
      expect(await known(answers())).toMatchObject({
        patched: [],
        errors: [],
        notes: expect.stringMatching(/enable-ztunnel in the ConfigMap cilium-config is not true/) as string,
      });
      expect(await known(answers(ztunnel, 1), fresh)).toMatchObject({
        patched: [],
        notes: expect.stringMatching(waits) as string,
      });
      expect(await known(answers(ztunnel), fresh)).toMatchObject({
        patched: ["orders", "registry"],
        errors: [],
        notes: "",
        previous: { cilium: "off" },
      });
    });

    test("nor together with the deletion of a default deny, which comes last in an update", async () => {
      expect(await known(answers(ztunnel), { ...fresh, phases: { orders: "allow", registry: "off" } })).toMatchObject({
        patched: [],
        notes: expect.stringMatching(/^The default deny of orders goes with this update, so orders, reg/) as string,
      });
    });

    test("one that is enrolled stays so while Cilium rolls, and while nobody can say", async () => {
      for (const given of [answers(ztunnel, 1), answers()])
        expect(await known(given, state)).toMatchObject({ patched: ["orders", "registry"], errors: [], notes: "" });
      expect((await known(answers(ztunnel), state, {})).patched).toEqual(["orders", "registry"]);
    });

    test("one that says something else stops it, but not where it may turn authentication off", async () => {
      const mesh = { namespaces: { orders: { says: "io.cilium/mtls-enabled: false" } }, outside: {} };
      const says = expect.stringContaining("The namespace orders says io.cilium/mtls-enabled: false") as string;
      expect(await known(answers(ztunnel), fresh, { mesh })).toMatchObject({ errors: [says] });
      const turning = { ...fresh, auth: true };
      expect(await known(answers(ztunnel), turning, { mesh })).toMatchObject({ errors: [], notes: says });
    });
  });

  test("is told as what it is: Git is told what to have, and nobody decides who may call whom", () => {
    const { config, update } = updateFrom("off", { mesh: { experimental: true, namespaces: "git" } });
    const stack = { name: "apps", from: "off", config, plan: update, verdicts: [], waivers: [] } as const;
    const view = viewOf(stack, (_, text) => text);
    expect(view).toContain("Cilium 1.20.2 (helm) with ztunnel (experimental)\n");
    expect(view).toContain("mesh.ztunnel is experimental: ztunnel encrypts TCP between the pods");
    expect(view).toContain("nobody is denied in orders, registry (observe)");
    expect(update.notes).toContain(
      'Git has the namespace NAMESPACE, so it is not changed here. Write there (NAMESPACE: orders, registry):\nmetadata:\n  name: NAMESPACE\n  labels:\n    io.cilium/mtls-enabled: "true"',
    );
    expect(JSON.stringify(gateRights(config))).toContain('"resourceNames":["kube-system","attic","orders","registry"]');
  });

  test("can be left without Pulumi, all namespaces at once", () => {
    const { config, update } = updateFrom("off");
    const commands = breakGlass({ name: "apps", from: "off", config, plan: update, verdicts: [], waivers: [] })
      .split("\n")
      .filter((line) => !line.startsWith("#") && line !== "");
    expect(commands).toEqual([
      "kubectl --context apps label namespace orders registry io.cilium/mtls-enabled-",
      "pulumi config set --stack apps --path zero-trust:rollout.phases.orders off",
      "pulumi config set --stack apps --path zero-trust:rollout.phases.registry off",
      "pulumi up --stack apps",
    ]);
  });
});
