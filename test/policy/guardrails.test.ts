import { describe, expect, test } from "vitest";
import type { Facts } from "../../policy/facts";
import { judge } from "../../policy/guardrail";
import { guardrails } from "../../policy/guardrails";
import { goodFacts, helm, transitionFacts } from "../support/stacks";
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

  test.each([
    { from: "on", auth: false },
    { from: "off", auth: true },
    { from: "new", auth: true },
    { from: "new", auth: false },
  ] as const)(
    "none fails on the change of the flag from $from to $auth, with Cilium as a release or not",
    (transition) => {
      for (const assignments of [[], helm, ["spire.install=bundled"], ["spire.agentNamespace=spire-agents"]]) {
        const verdicts = judge(guardrails, transitionFacts(transition, assignments));
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

/** Everything that any guardrail finds, with the guardrail's name before it. */
const found = (facts: Facts) =>
  judge(guardrails, facts).flatMap(({ guardrail, violations }) =>
    violations.map(({ where, message }) => `${guardrail.name}: ${where} ${message}`),
  );

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
