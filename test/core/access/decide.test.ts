import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, type Call, type Peer } from "../../../core/access/decide";
import { permits } from "../../../core/access/operations";
import type { Intent, Phase } from "../../../core/schema/schema";
import { bypasses, calls, harmless, meeting } from "../../support/calls";
import { forms, policiesOf, sourcesOf } from "../../support/ciliumCases";
import { evaluate, type Verdict } from "../../models/ciliumPolicy";

const api = (operations?: Intent["operations"]): Intent => ({
  name: "api",
  target: { namespace: "orders", selector: { app: "api" } },
  port: 8080,
  callers: [{ namespace: "web", serviceAccount: "frontend" }],
  ...(operations ? { operations } : {}),
});
const to = { namespace: "orders", labels: { app: "api", tier: "x" } };

const phases = fc.constantFrom<Phase>("off", "observe", "allow", "require");

describe("the policies that are emitted", () => {
  test("let Cilium decide every call as the intents say, in every phase", { timeout: 30_000 }, () => {
    const seen = new Set<Verdict>();
    fc.assert(
      fc.property(
        meeting.chain((intents) =>
          fc.tuple(
            fc.constant(intents),
            phases,
            fc.constantFrom(...forms),
            fc.array(calls(intents), { minLength: 20, maxLength: 20 }),
          ),
        ),
        ([intents, phase, form, calls]) => {
          const policies = policiesOf(intents, phase, form);
          for (const call of calls) {
            const { allowed, mustAuthenticate } = decide(intents, { xshop: phase }, call);
            const expected: Verdict = !allowed ? "denied" : mustAuthenticate ? "allowed once authenticated" : "allowed";
            seen.add(expected);
            for (const from of sourcesOf(call.from)) expect(evaluate(policies, { ...call, from })).toBe(expected);
          }
        },
      ),
      { numRuns: 500 },
    );
    expect([...seen].sort()).toEqual(["allowed", "allowed once authenticated", "denied"]);
  });

  test("deny UDP on the same port, and TCP on every other, once callers are told apart", () => {
    const policies = policiesOf([api([{ methods: ["GET"] }])], "allow");
    const [from = expect.fail()] = sourcesOf({ namespace: "web", serviceAccount: "frontend" });
    expect(evaluate(policies, { from, to, port: 8080 })).toBe("allowed");
    expect(evaluate(policies, { from, to, port: 8080, protocol: "UDP" })).toBe("denied");
    expect(evaluate(policies, { from, to, port: 8081 })).toBe("denied");
  });

  test.each(["/api", "/"])(
    "admit under the prefix %s nothing that leads elsewhere, however often it is decoded",
    (prefix) => {
      const operations = [{ paths: [{ prefix }] }];
      const policies = policiesOf([api(operations)], "allow");
      const [from = expect.fail()] = sourcesOf({ namespace: "web", serviceAccount: "frontend" });
      const passes = (path: string) =>
        evaluate(policies, { from, to, port: 8080, http: { method: "GET", path } }) === "allowed";
      expect(harmless.filter((path) => !passes(path))).toEqual([]);
      const admitted = bypasses.filter(passes);
      expect(admitted).toEqual(bypasses.filter((path) => permits(operations, { method: "GET", path })));
      for (const path of admitted) {
        // What a server may make of it, with all that is encoded decoded and all that is relative resolved, is the path itself.
        const { pathname } = new URL(decodeURIComponent(path), "http://server");
        expect(pathname).toBe(path.split("?")[0]);
        expect(pathname.startsWith(prefix)).toBe(true);
      }
    },
  );
});

describe("a decision", () => {
  const request = (path: string, method = "GET") => ({ method, path });
  const call = (overrides: Partial<Call> = {}): Call => ({
    from: { namespace: "web", serviceAccount: "frontend" },
    to,
    port: 8080,
    ...overrides,
  });
  const require = { orders: "require" } as const;

  test("is by caller, target and port, and asks a workload to authenticate in require alone", () => {
    const intents = [api()];
    const allowed = (overrides: Partial<Call>, phase: Phase = "allow") =>
      decide(intents, { orders: phase }, call(overrides)).allowed;
    expect(decide(intents, require, call())).toEqual({ allowed: true, mustAuthenticate: true });
    expect(decide(intents, { orders: "allow" }, call())).toEqual({ allowed: true, mustAuthenticate: false });
    expect(allowed({ from: { namespace: "web", serviceAccount: "other" } })).toBe(false);
    expect(allowed({ from: { namespace: "other", serviceAccount: "frontend" } })).toBe(false);
    expect(allowed({ from: { entities: ["world"], address: "192.0.2.1" } })).toBe(false);
    expect(allowed({ to: { namespace: "orders", labels: { app: "db" } } })).toBe(false);
    expect(allowed({ port: 9090 })).toBe(false);
    expect(allowed({ port: 9090 }, "observe")).toBe(true);
    expect(decide(intents, {}, call({ port: 9090 })).allowed).toBe(true);
  });

  test("tells service accounts with dots from those with hyphens", () => {
    const dotted = { ...api(), callers: [{ namespace: "web", serviceAccount: "a.b" }] };
    expect(decide([dotted], require, call({ from: { namespace: "web", serviceAccount: "a-b" } })).allowed).toBe(false);
  });

  test("is by method and path as they are sent: GET is not HEAD, the query is free, a prefix is of whole segments", () => {
    const intents = [api([{ methods: ["GET"], paths: [{ prefix: "/api" }, { exact: "/healthz" }] }])];
    const allowed = (path: string, method?: string) =>
      decide(intents, require, call({ http: request(path, method) })).allowed;
    expect(harmless.filter((path) => !allowed(path))).toEqual([]);
    expect(bypasses.filter((path) => allowed(path))).toEqual([]);
    expect(["/healthz", "/healthz?verbose", "/healthz/", "/healthz/x"].map((path) => allowed(path))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([allowed("/api", "HEAD"), allowed("/api", "get")]).toEqual([false, false]);
  });

  test("of a connection is yes where something may be done on it", () => {
    const intents = [api([{ paths: [{ exact: "/a" }] }])];
    expect(decide(intents, require, call())).toEqual({ allowed: true, mustAuthenticate: true });
    expect(decide(intents, require, call({ http: request("/b") }))).toEqual({
      allowed: false,
      mustAuthenticate: false,
    });
  });

  test("never asks what is no workload, nor who is exempt, and takes a network for addresses outside alone", () => {
    const intents: Intent[] = [
      {
        name: "api",
        target: { namespace: "orders", selector: { app: "api" } },
        port: 8080,
        callers: [
          { entity: "host" },
          { cidr: "10.0.0.0/8" },
          { namespace: "jobs", serviceAccount: "*", withoutAuthentication: "a Job is over before the handshake" },
          { namespace: "jobs", serviceAccount: "long" },
        ],
      },
    ];
    const of = (from: Peer) => decide(intents, require, call({ from }));
    const unasked = { allowed: true, mustAuthenticate: false };
    expect(of({ entities: ["host"], address: "192.0.2.1" })).toEqual(unasked);
    expect(of({ entities: ["world"], address: "10.1.2.3" })).toEqual(unasked);
    expect(of({ entities: ["ingress"], address: "10.1.2.3" }).allowed).toBe(false);
    expect(of({ entities: ["world"], address: "::ffff:10.1.2.3" }).allowed).toBe(false);
    expect(of({ namespace: "jobs", serviceAccount: "nightly" })).toEqual(unasked);
    expect(of({ namespace: "jobs", serviceAccount: "long" })).toEqual({ allowed: true, mustAuthenticate: true });
  });
});
