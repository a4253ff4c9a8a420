import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Intent } from "../../../core/schema/schema";
import {
  evidenceFaults,
  evidenceSchema,
  fingerprintOf,
  type Evidence,
  type Line,
} from "../../../core/rollout/evidence";
import { anyIntents } from "../../support/arbitrary";
import { configOf } from "../../support/stacks";

const intents = configOf("apps").access;
const now = new Date("2026-11-22T12:00:00Z");

const line = (overrides: Partial<Line> = {}): Line => ({
  from: { namespace: "web", serviceAccount: "frontend" },
  to: { app: "api" },
  port: 8080,
  protocol: "TCP",
  verdict: "authenticated",
  because: [],
  flows: 3,
  authenticated: 0,
  open: 0,
  job: false,
  first: "2026-11-21T11:00:00.000Z",
  last: "2026-11-22T11:00:00.000Z",
  ...overrides,
});

const good: Evidence = {
  version: 1,
  stack: "apps",
  namespace: "orders",
  intents: fingerprintOf(intents),
  window: {
    wanted: 86400,
    seen: 86400,
    complete: true,
    from: "2026-11-21T11:00:00.000Z",
    to: "2026-11-22T11:00:00.000Z",
    interruptions: [],
  },
  flows: 3,
  lost: { events: 0 },
  nodes: { heard: ["node1"], missing: [] },
  unknown: [],
  callers: [line()],
  policies: [],
};

const faults = (evidence: Evidence | undefined, expected: Partial<Parameters<typeof evidenceFaults>[1]> = {}) =>
  evidenceFaults(evidence, {
    stack: "apps",
    namespace: "orders",
    intents,
    now,
    maxAgeHours: 72,
    leastWindow: 86400,
    ...expected,
  });
const command = "npm run verify -- --stack apps --namespace orders --evidence";

test("evidence of a whole window in which everybody is admitted, and everything was heard, is enough", () => {
  expect(evidenceSchema.parse(good)).toEqual(good);
  expect(faults(good)).toEqual([]);
});

test("no file is one fault, which says what writes it", () => {
  expect(faults(undefined)).toEqual([
    "there is no evidence for orders; npm run verify -- --stack apps --namespace orders --evidence writes it",
  ]);
});

describe("it is not enough, and says what to do,", () => {
  const cutOff = line({ verdict: "cut off", because: ["no intent names it"] });
  test.each<[string, Partial<Evidence>, string]>([
    ["of another namespace", { namespace: "web" }, "the evidence is for web of apps, and not for orders of apps"],
    [
      "for other intents",
      { intents: "0123456789abcdef" },
      "the intents of orders are no longer those by which the callers were judged",
    ],
    [
      "unfinished",
      { window: { ...good.window, seen: 3600, complete: false } },
      "its window has not ended: 1.0 h of 24.0 h",
    ],
    ["too short", { window: { ...good.window, seen: 600 } }, "its window is shorter than promised: 10 min of 24.0 h"],
    [
      "too old",
      { window: { ...good.window, to: "2026-11-19T10:00:00.000Z" } },
      "it is 74 hours old, where 72 are allowed",
    ],
    [
      "of a window that is too short for anybody",
      { window: { ...good.window, wanted: 60, seen: 60 } },
      "its window is 1 min, and 24.0 h is the least",
    ],
    ["from the future", { window: { ...good.window, to: "2027-01-01T00:00:00.000Z" } }, "which is in the future"],
    ["with loss", { lost: { events: 7 } }, "Hubble has lost 7 events, so that callers may be missing"],
    [
      "without a node",
      { nodes: { heard: [], missing: ["node2"] } },
      "nothing was heard from node2, where pods of orders run",
    ],
    [
      "with something unknown",
      { unknown: ["which connections are open"] },
      "nobody could say which connections are open",
    ],
    [
      "with a caller that would be cut off",
      { callers: [line(), cutOff] },
      "web/frontend would be cut off from app=api, TCP port 8080: no intent names it",
    ],
  ])("%s", (_, overrides, says) => {
    const [fault = "", ...others] = faults({ ...good, ...overrides });
    expect(others).toEqual([]);
    expect(fault).toContain(says);
    expect(fault).toContain(command.replace(" --evidence", ""));
  });

  test("and all at once, each in a sentence of its own", () => {
    const bad = { ...good, lost: { events: 1 }, nodes: { heard: [], missing: ["n"] }, callers: [cutOff, cutOff] };
    expect(faults(bad)).toHaveLength(4);
  });

  test("unless a reviewer has said why a loss or a caller does not matter", () => {
    const acknowledged = "a scanner that was taken out of service";
    const reviewed = { ...good, lost: { events: 7, acknowledged }, callers: [{ ...cutOff, acknowledged }] };
    expect(evidenceSchema.parse(reviewed)).toEqual(reviewed);
    expect(faults(reviewed)).toEqual([]);
    expect(evidenceSchema.safeParse({ ...good, callers: [{ ...cutOff, acknowledged: "yes" }] }).success).toBe(false);
  });
});

test("a key that the file has not is refused", () => {
  expect(
    evidenceSchema.safeParse({ ...good, lost: { events: 0, acknowleged: "a typing error is no reason" } }).success,
  ).toBe(false);
});

describe("the fingerprint of intents", () => {
  test("is the one that the evidence of earlier versions has", () => {
    const target = { namespace: "orders", selector: { app: "api" } };
    const callers = [
      { namespace: "web", serviceAccount: "frontend" },
      { namespace: "web", serviceAccount: "metrics", withoutAuthentication: "metrics must be seen" },
      { entity: "host" as const, reason: "its own agents call it" },
      { cidr: "192.0.2.0/24" },
    ];
    const limited = { name: "read", target, port: 8081, callers, operations: [{ methods: ["GET" as const] }] };
    expect(fingerprintOf([{ name: "api", target, port: 8080, callers }, limited])).toBe("8db7657b3e1f465b");
  });

  const shuffled = (intents: readonly Intent[]): fc.Arbitrary<Intent[]> =>
    fc
      .tuple(...intents.map((intent) => fc.shuffledSubarray([...intent.callers], { minLength: intent.callers.length })))
      .map((callers) => intents.map((intent, i) => ({ ...intent, callers: callers[i] ?? [] })))
      .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }));

  test("is the same in any order, under other names and for other reasons", () => {
    fc.assert(
      fc.property(
        anyIntents(["xshop"]).chain((all) => fc.tuple(fc.constant(all), shuffled(all))),
        ([all, others]) => {
          const renamed = others.map((intent) => ({
            ...intent,
            name: `${intent.name}x`,
            callers: intent.callers.map((caller) =>
              "reason" in caller ? { ...caller, reason: "another reason" } : caller,
            ),
          }));
          expect(fingerprintOf(renamed as Intent[])).toBe(fingerprintOf(all));
        },
      ),
    );
  });

  const elsewhere = (caller: Intent["callers"][number]) => ({ ...caller, trustDomain: "infra.zt.internal" });
  test.each<[string, (intent: Intent) => Intent]>([
    ["the port", (intent) => ({ ...intent, port: 9090 })],
    ["the target", (intent) => ({ ...intent, target: { ...intent.target, selector: { app: "db" } } })],
    ["the trust domain of a caller", (intent) => ({ ...intent, callers: intent.callers.map(elsewhere) })],
    ["who may call", (intent) => ({ ...intent, callers: [...intent.callers, { entity: "host" }] })],
    ["what they may do", (intent) => ({ ...intent, operations: [{ methods: ["GET"] }] })],
    [
      "who is asked",
      (intent) => ({
        ...intent,
        callers: intent.callers.map((caller) => ({
          ...caller,
          withoutAuthentication: "metrics must be seen",
        })),
      }),
    ],
  ])("is another where %s is", (_, change) => {
    expect(fingerprintOf(intents.map(change))).not.toBe(fingerprintOf(intents));
  });
});
