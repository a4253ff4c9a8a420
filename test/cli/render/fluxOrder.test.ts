import * as fc from "fast-check";
import { dump, load } from "js-yaml";
import { describe, expect, test } from "vitest";
import { fluxFiles } from "../../../cli/render/flux";
import type { RenderedFile } from "../../../cli/lib/files";
import { renderStack } from "../../../cli/lib/renderStack";
import { root } from "../../support/stacks";
import { Model, type World } from "./kustomizeController";

const both = {
  on: renderStack(root, "apps", ["auth=true"], undefined),
  off: renderStack(root, "apps", ["auth=false"], "on"),
};
const files = fluxFiles(both, {
  path: "kubernetes/zero-trust",
  source: { kind: "GitRepository", name: "flux-system" },
});

const world = (): World => ({
  ...{ flag: false, spireReady: true, ciliumRolls: true, values: undefined, upgrade: undefined },
  ...{ released: false, rolled: true, demand: false },
});

/** What no order may lead to: a demand that Cilium, as it is or is about to be, does not answer. */
const broken = ({ demand, values, upgrade, released }: World) =>
  demand && (values !== true || upgrade === false || !released);

/** What comes about beside what the controllers do. */
const events = {
  flip: (world: World) => void (world.flag = !world.flag),
  spire: (world: World) => void (world.spireReady = !world.spireReady),
  cilium: (world: World) => void (world.ciliumRolls = !world.ciliumRolls),
};
type Event = keyof typeof events;

/** One of the steps that are possible, several times in a row so that some get far while others do not; or an event. */
const walks = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: fc.record({ step: fc.nat(1_000), times: fc.integer({ min: 1, max: 8 }) }) },
    { weight: 1, arbitrary: fc.constantFrom<Event>("flip", "flip", "flip", "spire", "cilium") },
  ),
  { minLength: 10, maxLength: 80 },
);
type Walk = typeof walks extends fc.Arbitrary<infer T> ? T : never;

/** Takes a walk from a cluster that has settled, with the flag on or off. */
function walk(begin: boolean, picks: Walk, additive = false) {
  const model = new Model(files, { ...world(), flag: begin }, additive);
  model.settle();
  let fault: string | undefined;
  const look = (i: number) => {
    if (broken(model.world)) fault ??= `at ${i}: ${JSON.stringify(model.world)}`;
  };
  for (const [i, pick] of picks.entries()) {
    if (typeof pick === "string") events[pick](model.world);
    else
      for (let n = 0; n < pick.times; n++) {
        const steps = model.steps();
        steps[pick.step % steps.length]?.();
        look(i);
      }
  }
  return { model, fault };
}

describe("Flux, whatever comes first, and however often the flag is turned", () => {
  test("never has policies demand what Cilium does not do, or stops Cilium while they demand it", () => {
    fc.assert(
      fc.property(fc.boolean(), walks, fc.boolean(), (begin, picks, additive) => {
        expect(walk(begin, picks, additive).fault).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  test("gets to off in the end, whatever is broken of SPIRE and of Cilium", () => {
    fc.assert(
      fc.property(fc.boolean(), walks, fc.boolean(), fc.boolean(), (begin, picks, spireReady, ciliumRolls) => {
        const { model } = walk(begin, picks);
        Object.assign(model.world, { flag: false, spireReady, ciliumRolls });
        model.settle();
        expect(model.world).toMatchObject({ demand: false, values: false });
      }),
      { numRuns: 60 },
    );
  });

  test("gets to on in the end, where SPIRE and Cilium come up", () => {
    fc.assert(
      fc.property(fc.boolean(), walks, (begin, picks) => {
        const { model } = walk(begin, picks);
        Object.assign(model.world, { flag: true, spireReady: true, ciliumRolls: true });
        model.settle();
        expect(model.world).toMatchObject({ demand: true, values: true, released: true, rolled: true });
      }),
      { numRuns: 60 },
    );
  });

  test("demands nothing, and leaves Cilium as it was, while SPIRE is not ready", () => {
    const model = new Model(files, { ...world(), flag: true, spireReady: false });
    model.settle();
    expect(model.world).toMatchObject({ demand: false, values: undefined, released: false });
  });

  test.each<[string, boolean, (child: string, spec: Spec) => Spec, readonly string[]]>([
    [
      "that Cilium waits for the policies",
      true,
      without("cilium", "policies"),
      ["flip", "read", "cilium", "gate", "run gate", "run cilium"],
    ],
    [
      "that the policies are known to be applied without a demand",
      true,
      (child, spec) =>
        child === "cilium"
          ? edited(spec, / && dep\.metadata\.generation == dep\.status\.observedGeneration\)$/, ")")
          : spec,
      ["flip", "read", "policies", "cilium", "gate", "run cilium"],
    ],
    [
      "that Cilium waits for the gate to be set to off",
      true,
      without("cilium", "gate"),
      [
        ...["flip", "read", "policies", "cilium", "give up", "run policies", "run cilium"],
        ...["flip", "read", "policies", "run policies"],
      ],
    ],
    [
      "that the policies wait for the gate",
      false,
      without("policies", "gate"),
      ["flip", "read", "policies", "cilium", "gate", "run policies"],
    ],
    [
      "that the gate looks at Cilium's Kustomization",
      true,
      unchecked("Kustomization"),
      [
        ...["flip", "read", "policies", "cilium", "gate", "run policies", "run gate", "run cilium"],
        ...["flip", "read", "policies", "gate", "run gate", "run policies"],
      ],
    ],
    [
      "that the gate looks at Cilium's pods",
      false,
      unchecked("DaemonSet", "Deployment"),
      ["flip", "read", "policies", "cilium", "gate", "run cilium", "run gate", "run policies"],
    ],
    [
      "that the gate looks at the HelmRelease",
      true,
      unchecked("HelmRelease"),
      [
        ...["flip", "read", "policies", "cilium", "gate", "run policies", "run gate", "run cilium", "helm"],
        ...["flip", "read", "policies", "cilium", "gate", "run cilium", "run gate", "run policies"],
      ],
    ],
  ])("needs this for it: %s", (_, begin, change, script) => {
    const changed = files.map((file) => {
      const child = /^flux\/(?!kustomization)(.*)\.yaml$/.exec(file.path)?.[1];
      if (child === undefined) return file;
      const object = load(file.content) as { spec: Spec };
      return { ...file, content: dump({ ...object, spec: change(child, object.spec) }) };
    });
    expect(follow(changed, begin, script)).toBe(true);
    expect(follow(files, begin, script)).toBe(false);
  });
});

interface Spec {
  readonly dependsOn?: readonly { readonly name: string; readonly readyExpr?: string }[];
  readonly healthChecks?: readonly { readonly kind: string }[];
}

/** Whether a script breaks the order, from a cluster that has settled with the flag on or off. */
function follow(tree: readonly RenderedFile[], begin: boolean, script: readonly string[]): boolean {
  const model = new Model(tree, { ...world(), flag: begin });
  model.settle();
  let fault = false;
  for (const line of script) {
    if (line === "flip") events.flip(model.world);
    else if (line === "read") {
      model.giveUp();
      model.readSettings();
    } else if (line === "give up") model.giveUp();
    else if (line === "helm") model.helm();
    else if (line.startsWith("run ")) model.run(`zero-trust-${line.slice(4)}`);
    else model.applyChild(`zero-trust-${line}`);
    fault ||= broken(model.world);
  }
  return fault;
}

function without(from: string, dependency: string) {
  return (child: string, spec: Spec): Spec =>
    child === from
      ? { ...spec, dependsOn: (spec.dependsOn ?? []).filter(({ name }) => name !== `zero-trust-${dependency}`) }
      : spec;
}

function unchecked(...kinds: readonly string[]) {
  return (child: string, spec: Spec): Spec =>
    child === "gate"
      ? { ...spec, healthChecks: (spec.healthChecks ?? []).filter(({ kind }) => !kinds.includes(kind)) }
      : spec;
}

/** With every expression changed that a pattern matches. */
const edited = (spec: Spec, pattern: RegExp, by: string): Spec => ({
  ...spec,
  dependsOn: (spec.dependsOn ?? []).map(({ name, readyExpr = "" }) => ({
    name,
    readyExpr: readyExpr.replace(pattern, by),
  })),
});
