import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../config/load";
import { nullsIn } from "../../core/util/nulls";
import { formatPath } from "../../core/util/path";
import type { StackConfig } from "../../core/schema/schema";
import { describeObject } from "../../core/util/kubernetes";
import { plan, type Plan } from "../../plan/plan";
import { origins, previousFor } from "../../plan/origins";
import type { Previous } from "../../core/rollout/state";
import { factsOfPlan } from "../../policy/facts/facts";
import { judge } from "../../policy/rules/guardrail";
import { guardrails } from "../../policy/guardrails";
import { stackValues } from "../support/arbitrary";
import { configOf, helm, root } from "../support/stacks";

const configs = stackValues.map((values) => loadConfig(values, "apps"));
const withAuth = (config: StackConfig, auth: boolean): StackConfig => ({ ...config, auth });
const anyPrevious = (config: StackConfig): fc.Arbitrary<Previous> =>
  fc.constantFrom(previousFor("new", config), previousFor("on", config), previousFor("off", config));
const updates = configs.chain((config) => fc.tuple(fc.constant(config), anyPrevious(config)));

/** Whether the update brings Cilium itself, before everything else. */
const installsCilium = ({ cluster }: StackConfig, previous: Previous) =>
  cluster.cilium?.delivery === "helm" && previous.state === undefined;

const objectsOf = ({ components }: Plan) => components.flatMap(({ objects }) => objects);
const manifests = (update: Plan) => objectsOf(update).map(({ manifest }) => manifest);
const componentsOf = (update: Plan, kind: string) => update.components.filter((c) => c.kind === kind);

describe("a plan", () => {
  test("is the same for the same configuration and state", () => {
    fc.assert(
      fc.property(updates, ([config, previous]) => {
        expect(plan(config, previous)).toEqual(plan(config, previous));
      }),
    );
  });

  // Pulumi's provider would drop it, where kubectl and helm, which get what is rendered, would not.
  test("has no field that is null in what it delivers", () => {
    fc.assert(
      fc.property(updates, ([config, previous]) => {
        const { components } = plan(config, previous);
        expect(nullsIn(components).map(formatPath)).toEqual([]);
      }),
    );
    const golden = join(root, "test", "golden");
    for (const file of readdirSync(golden).filter((name) => name.endsWith(".json")))
      expect(nullsIn(JSON.parse(readFileSync(join(golden, file), "utf8"))).map(formatPath)).toEqual([]);
  });

  test("puts everything after what it needs, under names of its own", () => {
    fc.assert(
      fc.property(updates, ([config, previous]) => {
        const update = plan(config, previous);
        const seen = new Set<string>();
        for (const { name, after, objects, release } of update.components) {
          expect(after.every((other) => seen.has(other))).toBe(true);
          seen.add(name);
          // A release comes between the objects that it names and those that name it.
          const first = objects.filter((object) => release?.after?.includes(object.name));
          const inside = new Set<string>();
          const rest = objects.filter((object) => !first.includes(object));
          for (const resource of [...first, ...(release ? [release] : []), ...rest]) {
            expect((resource.after ?? []).every((other) => inside.has(other))).toBe(true);
            expect(seen.has(resource.name)).toBe(false);
            inside.add(resource.name);
            seen.add(resource.name);
          }
        }
        const identities = manifests(update).map(describeObject);
        expect(new Set(identities).size).toBe(identities.length);
      }),
    );
  });

  test("demands authentication nowhere while auth is off, and spells both of Cilium's flags out", () => {
    fc.assert(
      fc.property(updates, ([config, previous]) => {
        const update = plan(withAuth(config, false), previous);
        expect(JSON.stringify(manifests(update))).not.toContain('"authentication":{"mode"');
        expect(update.ciliumValues?.authentication).toMatchObject({
          enabled: false,
          mutual: { spire: { enabled: false } },
        });
      }),
    );
  });

  test("demands authentication nowhere before Cilium is known to authenticate", () => {
    fc.assert(
      fc.property(configs, (config) => {
        for (const origin of ["new", "off"] as const) {
          const update = plan(withAuth(config, true), previousFor(origin, config));
          expect(JSON.stringify(manifests(update))).not.toContain('"authentication":{"mode"');
        }
      }),
    );
  });

  test("of a flipped flag has the same objects, of which only policies and Cilium's values differ", () => {
    fc.assert(
      fc.property(configs, (config) => {
        const on = objectsOf(plan(withAuth(config, true), previousFor("on", config)));
        const off = objectsOf(plan(withAuth(config, false), previousFor("on", config)));
        const named = (objects: typeof on) => new Map(objects.map((object) => [object.name, object]));
        expect([...named(off).keys()].sort()).toEqual([...named(on).keys()].sort());
        for (const [name, { manifest, keep }] of named(off)) {
          const before = named(on).get(name);
          expect(describeObject(manifest)).toBe(before && describeObject(before.manifest));
          expect(keep).toBe(before?.keep);
          if (!/^(access-|cilium-auth-)/.test(name)) expect(manifest).toEqual(before?.manifest);
        }
      }),
    );
  });

  test("to on waits for SPIRE, where it is ours, before Cilium, and for Cilium before every policy", () => {
    fc.assert(
      fc.property(updates, ([config, previous]) => {
        const update = plan(withAuth(config, true), previous);
        const spire = config.spire.install === "external" ? [] : ["spire"];
        if (!installsCilium(config, previous)) expect(componentsOf(update, "CiliumAuth")[0]?.after).toEqual(spire);
        for (const { after } of componentsOf(update, "CiliumAuthPolicy"))
          expect(after).toEqual(expect.arrayContaining([...spire, "cilium-auth"]));
      }),
    );
  });

  test("that installs Cilium waits for nothing that needs its network, and never does so again, nor where Cilium already authenticates", () => {
    const waitsFor = (config: StackConfig, previous: Previous) =>
      componentsOf(plan(config, previous), "CiliumAuth")[0]?.after;
    const on = configOf("apps", ...helm, "auth=true");
    // SPIRE's address alone: the operator asks for it once.
    expect(waitsFor(on, {})).toEqual(["spire-server-service"]);
    expect(waitsFor(configOf("apps", ...helm, "spire.install=bundled"), {})).toEqual(["spire"]);
    for (const previous of [previousFor("on", on), { cilium: "on" } as const])
      expect(waitsFor(on, previous)).toEqual(["spire"]);
    const off = configOf("apps", ...helm, "auth=false");
    expect(waitsFor(off, {})).toEqual([]);
    expect(plan(off, {}).components.every(({ kind, after }) => kind === "CiliumAuth" || after.length > 0)).toBe(true);
    expect(waitsFor(off, previousFor("on", off))).toEqual(["access-orders"]);
    for (const config of [on, off]) expect(plan(config, {}).waitsForCilium).toBe(true);
  });

  test("to off lets policies wait for nothing, Cilium for the policies, and nothing at all for SPIRE or certificates", () => {
    fc.assert(
      fc.property(updates, ([config, previous]) => {
        const update = plan(withAuth(config, false), previous);
        const policies = componentsOf(update, "CiliumAuthPolicy");
        if (!installsCilium(config, previous)) {
          for (const { after } of policies) expect(after).toEqual([]);
          expect(componentsOf(update, "CiliumAuth")[0]?.after).toEqual(policies.map(({ name }) => name));
          expect(update.waitsForCilium).toBe(false);
        }
        for (const last of ["spire", "certificates"]) {
          expect(update.components.flatMap(({ after }) => after)).not.toContain(last);
          expect(update.recordedAfter).not.toContain(last);
        }
      }),
    );
  });

  test("closes a namespace from allow on, and in the object that has its allow rules", () => {
    fc.assert(
      fc.property(updates, ([config, previous]) => {
        const update = plan(config, previous);
        const policies = manifests(update).filter(({ metadata }) => metadata.name === "zero-trust");
        const closed = policies.filter(({ specs }) =>
          JSON.stringify(specs).endsWith('"endpointSelector":{},"ingress":[{}]}]'),
        );
        const expected = update.phases.filter(({ to }) => to === "allow" || to === "require");
        expect(closed.map(({ metadata }) => metadata.namespace)).toEqual(expected.map(({ namespace }) => namespace));
        expect(componentsOf(update, "DenyAll")).toEqual([]);
      }),
    );
  });

  test("restores after off and on what was configured, once Cilium authenticates again", () => {
    fc.assert(
      fc.property(configs, (config) => {
        const before = plan(withAuth(config, true), previousFor("on", config));
        const off = plan(withAuth(config, false), { state: before.outputs.rollout, cilium: "on" });
        const on = plan(withAuth(config, true), { state: off.outputs.rollout, cilium: "rolling" });
        const again = plan(withAuth(config, true), { state: on.outputs.rollout, cilium: "on" });
        expect(again.components).toEqual(before.components);
      }),
    );
  });

  test("of a valid configuration fires no mandatory guardrail, whatever was deployed before", () => {
    fc.assert(
      fc.property(configs, (loaded) => {
        for (const auth of [true, false])
          for (const origin of origins) {
            const config = withAuth(loaded, auth);
            const previous = previousFor(origin, config);
            const facts = factsOfPlan({ name: "apps", peers: [] }, config, plan(config, previous), previous);
            const found = judge(guardrails, facts).flatMap(({ violations }) => violations);
            // Nothing is authenticated where no intent is about a namespace in require, which is a mistake and no invalid configuration.
            const idle = /where no intent admits a workload/;
            expect(found.filter(({ severity, message }) => severity === "mandatory" && !idle.test(message))).toEqual(
              [],
            );
          }
      }),
      { numRuns: 300 },
    );
  });

  test("says what turning authentication off destroys where SPIRE is part of Cilium's release, and only there", () => {
    expect(plan(configOf("apps", "spire.install=bundled"), {}).notes.join()).toContain(
      "turning auth off deletes its server",
    );
    expect(plan(configOf("apps"), {}).notes).toEqual([]);
  });

  test("keeps what holds identities: the volume, its namespace, the CRD and the entries", () => {
    const kept = objectsOf(plan(configOf("apps"), {})).filter(({ keep }) => keep);
    expect(kept.map(({ manifest }) => describeObject(manifest))).toEqual([
      "CustomResourceDefinition clusterstaticentries.spire.spiffe.io",
      "ClusterStaticEntry cilium-node-alias",
      "ClusterStaticEntry cilium-agent",
      "ClusterStaticEntry cilium-operator",
      "Namespace spire",
      "PersistentVolumeClaim spire/spire-data",
    ]);
  });
});
