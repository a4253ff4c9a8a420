import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Previous, RolloutState } from "../../core/rollout/state";
import type { Facts } from "../../policy/facts/facts";
import { judge } from "../../policy/rules/guardrail";
import { guardrails } from "../../policy/guardrails";
import { objectOf, type PackResource } from "../../policy/pack/packFacts";
import { goodFacts, helm, stacks, transitionFacts, transitions } from "../support/stacks";
import { withAuthOff } from "./changes";
import { claims } from "./claims";

describe("the guardrails", () => {
  test("all pass on the stack apps as it is committed, but for advice about the version of Cilium, and what Cilium's other values would have to say", () => {
    const verdicts = judge(guardrails, goodFacts()).filter(({ verdict }) => verdict !== "pass");
    expect(verdicts.map(({ guardrail, verdict }) => `${guardrail.name}: ${verdict}`)).toEqual([
      "cilium-version: warn",
      "encrypted: not decided",
    ]);
    expect(found(goodFacts())).toEqual([expect.stringContaining("zero-trust:cluster.cilium.version") as string]);
  });

  test.each(transitions)(
    "none fails on a committed stack from $from to auth $auth, with Cilium as a release or not, whichever SPIRE it is",
    (transition) => {
      for (const stack of stacks)
        for (const assignments of [
          [],
          helm,
          ["spire.install=bundled"],
          ["spire.agentNamespace=spire-agents"],
          ["spire.csi={}"],
          ["spire.nodeAttestor.awsIid.selectors[0]=tag:cluster:apps"],
          ["spire.egressPolicy=true"],
        ]) {
          const verdicts = judge(guardrails, transitionFacts(transition, assignments, stack));
          expect(verdicts.filter(({ verdict }) => verdict === "fail").map(({ violations }) => violations)).toEqual([]);
        }
    },
  );

  test("are named and explained: kebab case, what holds, what it prevents and where that was seen, how to put it right", () => {
    expect(new Set(guardrails.map(({ name }) => name)).size).toBe(guardrails.length);
    for (const { name, description, prevents, remediation, checkObject, checkStack, reads } of guardrails) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(description).toMatch(/^[A-Z].*\.$/);
      expect(prevents).toMatch(/ \([^)]+\)\.$/);
      expect(remediation.length).toBeGreaterThan(20);
      expect(checkObject ?? checkStack).toBeDefined();
      expect(checkObject === undefined || reads !== undefined).toBe(true);
    }
  });

  test("are more than forty, in one order: the flag, the cluster, Cilium's values, the policies, other meshes, SPIRE, certificates", () => {
    const order = [
      "no-required-while-disabled flag-atomic order in-place-transition resume one-step evidence blast-radius",
      "pinned-cluster one-stack one-owner",
      "values-not-shadowed cilium-version no-clustermesh handshake-possible handshake-port encrypted ztunnel-alone",
      "enforcement-mode http-enforced probes-admitted verdicts-visible protected-namespaces demand-in-require",
      "closed-namespaces deny-with-allow no-bypass deny-all-denies no-broad-auth-rule identifiable-peers",
      "tcp-only one-mode no-always-fail http-rules-hold known-kinds auth-consumed short-lived-callers",
      "istio-callers istio-strict linkerd-callers linkerd-routes linkerd-default mesh-valid trust-domain spire-choices spire-needed one-spire",
      "delegate-wiring server-address socket-directories cilium-accounts no-admin-entries entry-ownership",
      "federation node-attestation kubelet-verified agents-find-server agents-recover agents-attest-once agents-everywhere",
      "server-sidecar bundled-spire least-privilege pod-security webhook-fails-open version-skew spire-options",
      "sqlite-single-server lab-database spire-size spire-state-kept storage-class ttl-coherence entry-lifetimes bundle-refresh",
      "images-pinned certificates-valid certificates-issuable linkerd-anchors",
    ].join(" ");
    expect(guardrails.map(({ name }) => name)).toEqual(order.split(" "));
    expect(guardrails.length).toBeGreaterThan(40);
  });

  test("each claim to catch something", () => {
    expect(Object.keys(claims).sort()).toEqual(guardrails.map(({ name }) => name).sort());
  });
});

const claimsInOrder = guardrails.map((guardrail) => [guardrail.name, guardrail, claims[guardrail.name]] as const);

describe.each(claimsInOrder)("%s", (name, guardrail, { catches, passes = [], silentWhileOff } = { catches: [] }) => {
  test.each(catches)("catches $what", ({ change, says, verdict = "fail" }) => {
    const [result] = judge([guardrail], change(goodFacts()));
    expect(result?.verdict).toBe(verdict);
    expect(result?.violations.map(({ where, message }) => `${where} ${message}`).join("\n")).toMatch(says);
  });

  test.each(catches)("is alone in what it says of $what, but for what is named beside it", ({ change, also = [] }) => {
    const before = new Set(found(goodFacts()));
    const added = found(change(goodFacts())).filter((violation) => !before.has(violation));
    const names = added.map((violation) => violation.replace(/:.*/s, ""));
    expect([...new Set([name, ...names])].sort().join(" ")).toBe([name, ...also].sort().join(" "));
  });

  test.each(passes)("passes %s", (_, change) => {
    const [result] = judge([guardrail], change(goodFacts()));
    expect(result).toMatchObject({ verdict: "pass", violations: [] });
  });

  test.each(guardrail.blocksOff ? [] : catches)("stops nothing for $what while auth is off", ({ change }) => {
    const [result] = judge([guardrail], withAuthOff(change(goodFacts())));
    expect(result?.verdict).toBe(silentWhileOff ? "pass" : "warn");
  });
});

test.each(["one-step", "blast-radius"])("%s stops nothing that turns authentication off, and anything else", (name) => {
  const [mutation] = claims[name]?.catches ?? [];
  const facts = withAuthOff(mutation?.change(goodFacts()) ?? goodFacts());
  const { previous } = facts;
  if (previous === "unknown" || !previous.state) throw new Error("there is no state");
  const verdictOf = (changed: Facts["previous"]) =>
    judge(
      guardrails.filter((guardrail) => guardrail.name === name),
      { ...facts, previous: changed },
    )[0]?.verdict;
  expect(verdictOf(previous)).toBe("warn");
  expect(verdictOf({ ...previous, state: { ...previous.state, auth: false } })).toBe("fail");
  // A first update that finds Cilium without authentication turns nothing off; where nobody knows what there is, it may.
  expect(verdictOf({ cilium: "off" })).toBe("fail");
  expect(verdictOf({})).toBe("warn");
});

/** Everything that any guardrail finds, with the guardrail's name before it. */
const found = (facts: Facts) =>
  judge(guardrails, facts).flatMap(({ guardrail, violations }) =>
    violations.map(({ where, message }) => `${guardrail.name}: ${where} ${message}`),
  );

describe("whatever shape objects and values have", () => {
  /** Any JSON, and the names that break code that trusts it. */
  const anything = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom(null, "", 0, true, [], {}, [null], [[]], { toString: 1 }, { __proto__: null, length: -1 }),
  );
  const good = goodFacts();
  const changed = Object.values(claims).flatMap(({ catches }) => catches.map(({ change }) => change));
  // Each object that some mutation changes or adds, once.
  const all = new Map(changed.flatMap((change) => change(good).objects).map((o) => [JSON.stringify(o), o]));
  const objects = fc.constantFrom(...all.values());

  test("no guardrail throws, whatever stands in the place of one field of an object", () => {
    fc.assert(
      fc.property(objects, fc.nat(), anything, (object, n, value) => {
        const { apiVersion, kind } = object;
        const objects = [...good.objects, asRead({ ...(replaced(object, n, value) as object), apiVersion, kind })];
        expect(judge(guardrails, { ...good, objects })).toHaveLength(guardrails.length);
      }),
      { numRuns: 400 },
    );
  });

  test("no guardrail throws, whatever stands in the place of a field of Cilium's values", () => {
    fc.assert(
      fc.property(fc.constantFrom(...changed), fc.nat(), anything, fc.boolean(), (change, n, value, complete) => {
        const facts = change(goodFacts());
        const releases = facts.releases.map((release) => ({
          ...release,
          complete,
          values: replaced(release.values, n, value),
        }));
        expect(judge(guardrails, { ...facts, releases })).toHaveLength(guardrails.length);
      }),
      { numRuns: 200 },
    );
  });

  test("no guardrail throws for an object of a kind that it reads and nothing else that is known", () => {
    const kinds = [
      ...new Map([...all.values()].map(({ apiVersion, kind }) => [apiVersion + kind, { apiVersion, kind }])).values(),
    ];
    const rest = fc.dictionary(fc.constantFrom("spec", "specs", "data", "rules", "webhooks", "roleRef"), anything);
    const metadata = fc.dictionary(fc.constantFrom("namespace", "labels", "annotations"), anything);
    fc.assert(
      fc.property(fc.constantFrom(...kinds), rest, metadata, (kind, fields, more) => {
        const objects = [asRead({ ...fields, ...kind, metadata: more })];
        expect(judge(guardrails, { ...good, objects })).toHaveLength(guardrails.length);
      }),
      { numRuns: 400 },
    );
  });
});

/** An object as the pack hands it to a guardrail. */
const asRead = (props: object) =>
  objectOf({ type: "kubernetes:x:y", name: "x", props: props as PackResource["props"] })?.manifest ?? expect.fail();

/** A copy with another value in one place, counted from the root. */
function replaced(value: unknown, n: number, other: unknown): unknown {
  const places: (string | number)[][] = [];
  const visit = (node: unknown, path: (string | number)[]): void => {
    if (path.length > 0) places.push(path);
    if (typeof node !== "object" || node === null) return;
    for (const [key, child] of Object.entries(node)) visit(child, [...path, key]);
  };
  visit(value, []);
  const [first, ...rest] = places[n % Math.max(places.length, 1)] ?? [];
  if (first === undefined) return other;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  let at = copy;
  let last = first;
  for (const key of rest) {
    at = at[last] as typeof at;
    last = key;
  }
  at[last] = other;
  return copy;
}

test("trust-domain does not pass without a baseline, and says why", () => {
  const [result] = judge(
    guardrails.filter((g) => g.name === "trust-domain"),
    { ...goodFacts(), previous: "unknown" },
  );
  expect(result).toMatchObject({
    verdict: "not decided",
    undecided: expect.stringContaining("no deployed state") as string,
  });
});

test("trust-domain lets another one through only while authentication is off, and says what SPIRE needs then", () => {
  const facts = goodFacts();
  const { state } = facts.previous as Previous;
  const say = (auth: boolean, wasOn: boolean) =>
    judge(
      guardrails.filter(({ name }) => name === "trust-domain"),
      {
        ...facts,
        config: { ...facts.config, auth, trustDomain: "new.zt.internal" },
        previous: { state: { ...(state as RolloutState), auth: wasOn } },
      },
    ).map(({ verdict, violations }) => ({ verdict, message: violations[0]?.message }));
  const later = expect.stringMatching(/write apps.zt.internal, and change it once authentication is off/) as string;
  expect(say(true, true)).toEqual([{ verdict: "fail", message: later }]);
  expect(say(true, false)).toEqual([{ verdict: "fail", message: later }]);
  // Nothing stops the way off.
  expect(say(false, true)).toEqual([{ verdict: "warn", message: later }]);
  const anew = expect.stringMatching(/SPIRE has to begin anew.*docs\/trust.md/) as string;
  expect(say(false, false)).toEqual([{ verdict: "warn", message: anew }]);
});
