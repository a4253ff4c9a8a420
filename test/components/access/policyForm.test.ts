import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Call } from "../../../core/access/decide";
import { policiesNamed, type PolicyForm } from "../../../components/access/cilium/policyForm";
import { countParts, isPartName, partName, partOf } from "../../../components/access/cilium/policyParts";
import type { Intent, Phase, StackConfig } from "../../../core/schema/schema";
import { groupBy } from "../../../core/util/groupBy";
import { describeObject, type KubernetesObject } from "../../../core/util/kubernetes";
import { plan, type Plan } from "../../../plan/plan";
import { demandsAuthentication } from "../../../live/probes/rules";
import type { Previous, RolloutState } from "../../../core/rollout/state";
import { factsOfPlan } from "../../../policy/facts/facts";
import { inPlaceTransition } from "../../../policy/guardrails/rollout/inPlaceTransition";
import { calls, meeting } from "../../support/calls";
import { goTogether } from "../../support/arbitrary";
import { policiesOf, sourcesOf } from "../../support/ciliumCases";
import { intent } from "../../support/intents";
import { configOf } from "../../support/stacks";
import { evaluate } from "../../models/ciliumPolicy";

type Policies = Parameters<typeof evaluate>[0];
type Written = Policies[number] & { readonly metadata: { readonly name: string } };

/** What the cluster has after each write of an update: what is planned in its order, then what is not any more, the other way round. */
function* walk(before: readonly Written[], after: readonly Written[]): Generator<Written[]> {
  const cluster = new Map(before.map((policy) => [policy.metadata.name, policy]));
  for (const policy of after) {
    cluster.set(policy.metadata.name, policy);
    yield [...cluster.values()];
  }
  const kept = new Set(after.map(({ metadata }) => metadata.name));
  for (const { metadata } of [...before].reverse())
    if (!kept.has(metadata.name)) {
      cluster.delete(metadata.name);
      yield [...cluster.values()];
    }
}

/** What stands against a state on the way from one to another: who is treated the same in both is treated so, and who is admitted in both is admitted. */
function faultsOf(calls: readonly Call[], before: Policies, during: Policies, after: Policies): string[] {
  return calls.flatMap((call) =>
    sourcesOf(call.from).flatMap((from) => {
      const [was, is, willBe] = [before, during, after].map((policies) => evaluate(policies, { ...call, from }));
      const isFault = was === willBe ? is !== was : is === "denied" && was !== "denied" && willBe !== "denied";
      return isFault ? [`${JSON.stringify(call)}: ${was} -> ${is} -> ${willBe}`] : [];
    }),
  );
}

/** Intents that go together, at least one. */
const valid = meeting
  .map((intents) =>
    intents.reduce<Intent[]>(
      (kept, one) => ([...kept, one].every((other) => goTogether(other, one)) ? [...kept, one] : kept),
      [],
    ),
  )
  .filter(({ length }) => length > 0);
const closed = fc.constantFrom<Phase>("observe", "allow", "require");
const steps: readonly (readonly [Phase, Phase])[] = [
  ["observe", "allow"],
  ["allow", "require"],
  ["require", "allow"],
  ["allow", "observe"],
  ["require", "observe"],
];
const forms: readonly (readonly [PolicyForm, PolicyForm])[] = [
  ["whole", "whole"],
  ["perTarget", "joined"],
  ["joined", "leaving"],
  ["leaving", "whole"],
  ["joined", "joined"],
  ["leaving", "leaving"],
];
const growth = fc.constantFrom<readonly [number, number]>([1, 1], [1, 2], [2, 2], [1, 4], [2, 4], [4, 16]);

interface Change {
  readonly before: Policies;
  readonly after: Policies;
  readonly calls: readonly Call[];
}
const changeOf = (
  intents: readonly [Intent[], Intent[]],
  phases: readonly [Phase, Phase],
  [from, to]: readonly [PolicyForm, PolicyForm],
  parts: readonly [number, number],
) =>
  fc.array(calls([...intents[0], ...intents[1]]), { minLength: 15, maxLength: 15 }).map((calls): Change => ({
    before: policiesOf(intents[0], phases[0], from, parts[0]),
    after: policiesOf(intents[1], phases[1], to, parts[1]),
    calls,
  }));
/** Some of the same intents, with some of the same callers, and others. */
const changed = valid.chain((intents) =>
  fc
    .tuple(fc.subarray(intents, { minLength: 1 }), valid, fc.boolean())
    .map(([kept, others, fewer]): [Intent[], Intent[]] => {
      const left = kept.map((one) => (fewer ? { ...one, callers: [one.callers[0]!] } : one));
      const fitting = others
        .map((one, i) => ({ ...one, name: `new-${i}` }))
        .filter((one) => left.every((other) => goTogether(other, one)));
      return [intents, [...fitting, ...left]];
    }),
);

describe("while a namespace's policies are written", () => {
  const check = ({ before, after, calls }: Change) => {
    for (const during of walk(before as Written[], after as Written[]))
      expect(faultsOf(calls, before, during, after)).toEqual([]);
  };

  test("nobody who was and remains admitted is cut off, and nobody else let past, whichever intents change", () => {
    const changes = fc
      .tuple(changed, closed, fc.constantFrom(...forms), growth)
      .chain(([intents, phase, form, parts]) => changeOf(intents, [phase, phase], form, parts));
    fc.assert(fc.property(changes, check), { numRuns: 400 });
  });

  test("the same where a phase changes", () => {
    const changes = fc
      .tuple(valid, fc.constantFrom(...steps), fc.constantFrom(...forms), growth)
      .chain(([intents, phases, form, parts]) => changeOf([intents, intents], phases, form, parts));
    fc.assert(fc.property(changes, check), { numRuns: 400 });
  });

  test("one object changes at once, with its phase and its intents", () => {
    fc.assert(
      fc.property(changed, closed, closed, ([before, after], from, to) => {
        expect([...walk(policiesOf(before, from) as Written[], policiesOf(after, to) as Written[])]).toHaveLength(1);
      }),
    );
  });
});

describe("the parts of a namespace's rules", () => {
  const many = (count: number, callers: number) =>
    Array.from({ length: count }, (_, i) =>
      intent(`api-${i}`, {
        target: { namespace: "orders", selector: { app: `api-${i}` } },
        callers: Array.from({ length: callers }, (_, k) => ({ namespace: "web", serviceAccount: `caller-${k}` })),
      }),
    );
  const sizes = (policies: Policies) => policies.map((policy) => JSON.stringify(policy).length);

  test("are one object until it would be too large for etcd, whatever the phase", { timeout: 30_000 }, () => {
    expect(policiesOf(many(600, 2), "require")).toHaveLength(1);
    const large = many(600, 20);
    for (const phase of ["observe", "allow", "require"] as const) {
      const policies = policiesOf(large, phase) as Written[];
      expect(policies.map(({ metadata }) => metadata.name)).toEqual(
        [1, 2, 3]
          .map((i) => partName(i))
          .reverse()
          .concat("zero-trust"),
      );
      expect(Math.max(...sizes(policies))).toBeLessThan(520_000);
    }
  });

  test("are a power of two, none too large while more would help, and never fewer than before", () => {
    const rules = fc.array(
      fc.record({ app: fc.stringMatching(/^[a-z]{1,6}$/), characters: fc.integer({ min: 1, max: 400_000 }) }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(rules, fc.constantFrom(0, 1, 2, 8), (list, before) => {
        const sized = list.map(({ app, characters }) => ({
          target: { namespace: "orders", selector: { app } },
          characters,
        }));
        const count = countParts(sized, before);
        expect(Math.log2(count) % 1).toBe(0);
        expect(count).toBeGreaterThanOrEqual(before);
        for (const [, part] of groupBy(sized, ({ target }) => partOf(target, count)))
          if (part.reduce((sum, { characters }) => sum + characters, 0) > 500_000)
            expect(new Set(part.map(({ target }) => partOf(target, 64))).size).toBe(1);
      }),
    );
  });

  test("have names whose order is the order of the writes, and which say how many there are", () => {
    const names = Array.from({ length: 64 }, (_, i) => partName(63 - i));
    expect([...names].sort()).toEqual(names);
    expect(names.every(isPartName)).toBe(true);
    expect(policiesNamed([...names.slice(-4), "mine"])).toEqual({ form: "whole", parts: 4 });
  });

  test("leave one without targets with a rule that does nothing, and the others as they are", () => {
    const policies = policiesOf([intent("api")], "allow", "whole", 4);
    expect(policies).toHaveLength(4);
    const from = { labels: {} };
    const call = { from, to: { namespace: "orders", labels: { app: "other" } }, port: 1 };
    expect(evaluate(policies.slice(0, 3), call)).toBe("allowed");
    expect(evaluate(policies, call)).toBe("denied");
  });
});

/** A stack, its cluster, and what Pulumi holds of it, through updates that end or fail. */
class Stack {
  state: RolloutState | undefined;
  readonly live = new Map<string, KubernetesObject>();

  constructor(private readonly config: StackConfig) {}

  plan(auth: boolean, phase: Phase): { update: Plan; config: StackConfig; previous: Previous } {
    const { config, state } = this;
    const rollout = { ...config.rollout, phases: { orders: phase } };
    const previous: Previous = { ...(state ? { state, cilium: state.auth ? "on" : "off" } : {}) };
    const next = { ...config, auth, rollout };
    return { update: plan(next, previous), config: next, previous };
  }

  /** Writes, deletes and records; where it fails after some of that, no more. */
  update(auth: boolean, phase: Phase, failsAfter = Infinity) {
    const { update, config, previous } = this.plan(auth, phase);
    const objects = policiesIn(update);
    const findings = inPlaceTransition.checkStack!(factsOfPlan({ name: "apps", peers: [] }, config, update, previous));
    const made: string[] = [];
    let writes = 0;
    for (const object of objects) {
      if (writes++ === failsAfter) return { made, deleted: [] as string[], findings };
      const name = describeObject(object);
      if (!this.live.has(name)) made.push(name);
      this.live.set(name, object);
    }
    if (!auth)
      expect(
        [...this.live.values()].filter(({ spec, specs }) => demandsAuthentication({ spec, specs })).map(describeObject),
      ).toEqual([]);
    this.state = update.outputs.rollout;
    const names = new Set(objects.map(describeObject));
    const gone = [...this.live.keys()].filter((name) => !names.has(name)).reverse();
    const deleted = gone.slice(0, failsAfter - writes);
    for (const name of deleted) this.live.delete(name);
    return { made, deleted, findings };
  }

  get mayBeCalled(): boolean {
    const labels = { "io.kubernetes.pod.namespace": "web", "io.cilium.k8s.policy.serviceaccount": "frontend" };
    const to = { namespace: "orders", labels: { app: "api" } };
    const policies = [...this.live.values()] as unknown as Policies;
    return evaluate(policies, { from: { labels }, to, port: 8080 }) !== "denied";
  }
}
const policiesIn = ({ components }: Plan) =>
  components
    .filter(({ kind }) => kind === "CiliumAuthPolicy" || kind === "DenyAll")
    .flatMap(({ objects }) => objects.map(({ manifest }) => manifest));

/** A stack as an earlier version of this program left it. */
function earlierStack(auth: boolean, phase: Phase): Stack {
  const stack = new Stack(configOf("apps"));
  stack.state = stack.plan(auth, phase).update.outputs.rollout;
  const names = ["allow-api-8080-b4b4b80e", ...(phase === "observe" ? [] : ["zero-trust-deny-all"])];
  const objects = { policies: { orders: names.join(" ") }, others: stack.state.objects?.others ?? "" };
  stack.state = { ...stack.state, phases: { orders: phase }, objects };
  // As it plans with the flag turned, which leaves the form alone; and turned back.
  const { components } = stack.plan(!auth, phase).update;
  const form = components.flatMap((component) => (component.kind === "CiliumAuthPolicy" ? component.args.form : []));
  expect(form).toEqual(["perTarget"]);
  for (const policy of policiesOf(configOf("apps").access, phase, "perTarget") as unknown as KubernetesObject[])
    stack.live.set(describeObject(policy), policy);
  return stack;
}
const namesOf = (stack: Stack) => [...stack.live.values()].map(({ metadata }) => metadata.name).sort();

describe("a stack that an earlier version of this program deployed, with an object for each target", () => {
  test.each(["observe", "allow", "require"] as const)("gets to one object in %s, and then stays as it is", (phase) => {
    const stack = earlierStack(true, phase);
    const seen = Array.from({ length: 4 }, () => {
      stack.update(true, phase);
      expect(stack.mayBeCalled).toBe(true);
      return namesOf(stack).join(" ");
    });
    const denies = phase === "observe" ? "" : " zero-trust-deny-all";
    expect(seen.slice(0, phase === "observe" ? 2 : 3)).toEqual(
      phase === "observe"
        ? ["allow-api-8080-b4b4b80e zero-trust", "zero-trust"]
        : [`allow-api-8080-b4b4b80e zero-trust${denies}`, "allow-api-8080-b4b4b80e zero-trust", "zero-trust"],
    );
    expect(stack.update(true, phase)).toMatchObject({ made: [], deleted: [] });
  });

  test("turns authentication off and on in place, in whatever form it is", () => {
    for (const updates of [0, 1, 2, 3]) {
      const stack = earlierStack(true, "require");
      for (let i = 0; i < updates; i++) stack.update(true, "require");
      const before = namesOf(stack);
      for (const auth of [false, true]) {
        expect(stack.update(auth, "require")).toEqual({ made: [], deleted: [], findings: [] });
        expect(namesOf(stack)).toEqual(before);
        expect(stack.mayBeCalled).toBe(true);
      }
    }
  });

  test("says in a preview where it is on the way, and nothing where it is not on one", () => {
    const stack = earlierStack(true, "require");
    const notes = () => stack.plan(true, "require").update.notes.filter((note) => note.startsWith("orders: "));
    const seen = Array.from({ length: 4 }, () => {
      const said = notes();
      stack.update(true, "require");
      return said;
    });
    expect(seen.map((said) => said.length)).toEqual([1, 1, 1, 0]);
    expect(earlierStack(true, "require").plan(false, "require").update.notes.join()).not.toMatch(/orders: /);
  });

  test("demands authentication of nobody once it is turned off, wherever updates before have failed", () => {
    const update = fc.record({
      // Mostly those that go on.
      auth: fc.constantFrom(true, true, true, false),
      phase: fc.constantFrom<Phase>("observe", "allow", "require", "require", "require", "require"),
      failsAfter: fc.option(fc.integer({ min: 0, max: 3 }), { nil: Infinity, freq: 2 }),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(earlierStack, () => new Stack(configOf("apps"))),
        fc.array(update, { maxLength: 8 }),
        (start, updates) => {
          const stack = start(true, "require");
          for (const { auth, phase, failsAfter } of updates) {
            stack.update(auth, phase, failsAfter);
            expect(stack.mayBeCalled).toBe(true);
          }
          // Update throws where something is left that demands it.
          stack.update(false, "require");
          for (let i = 0; i < 4; i++) stack.update(false, "require");
          expect(namesOf(stack)).toEqual(["zero-trust"]);
        },
      ),
      { numRuns: 300 },
    );
  });
});
