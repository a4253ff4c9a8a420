import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, type Call } from "../../../core/access/decide";
import { explain } from "../../../core/access/explain";
import { istioAuthPolicyObjects } from "../../../components/access/istio/policies";
import type { Intent, Phase } from "../../../core/schema/schema";
import { describeObject } from "../../../core/util/kubernetes";
import { calls, meeting } from "../../support/calls";
import { intent } from "../../support/intents";

const call = (overrides: Partial<Call> = {}): Call => ({
  from: { namespace: "web", serviceAccount: "frontend" },
  to: { namespace: "orders", labels: { app: "api" } },
  port: 8080,
  ...overrides,
});
const other = { from: { namespace: "web", serviceAccount: "other" } };
const http = { method: "GET", path: "/v1/x" };
const posts = intent("api", { operations: [{ methods: ["POST"], paths: [{ prefix: "/v1" }] }] });
const of = (overrides: Partial<Call> = {}, intents = [intent("api")], phase: Phase = "require") =>
  explain(intents, { orders: phase }, call(overrides), "cilium");

describe("the explanation of a call", () => {
  test("decides as the intents do, and has a rule exactly where one admits it", () => {
    const phases = fc.constantFrom<Phase>("off", "observe", "allow", "require");
    const cases = meeting.chain((intents) => fc.tuple(fc.constant(intents), phases, calls(intents)));
    fc.assert(
      fc.property(cases, ([intents, phase, call]) => {
        const decision = decide(intents, { xshop: phase }, call);
        const { allowed, mustAuthenticate, rules, nearMisses } = explain(intents, { xshop: phase }, call, "cilium");
        expect({ allowed, mustAuthenticate }).toEqual(decision);
        const denies = phase === "allow" || phase === "require";
        expect(rules.length > 0).toBe(denies && allowed);
        if (allowed) expect(nearMisses).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("names the intent, its place in the configuration or its file, and what enforces it, for every mesh", () => {
    const [rule] = of({}, [posts, intent("api-all")]).rules;
    expect(rule).toMatchObject({ intent: "orders/api", place: "access[0]", callers: ["web/frontend"] });
    const policyOf = ({ name }: Intent) => `zero-trust (who may call ${name})`;
    const named = (mesh: "cilium" | "istio" | "linkerd") =>
      explain([intent("api")], { orders: "allow" }, call(), mesh, { source: "access.yaml", policyOf }).rules.map(
        ({ place, object }) => [place, object],
      );
    expect(named("cilium")).toEqual([["access.yaml[0]", "CiliumNetworkPolicy orders/zero-trust (who may call api)"]]);
    expect(named("istio")).toEqual([["access.yaml[0]", "AuthorizationPolicy orders/allow-api-8080-b4b4b80e"]]);
    expect(named("linkerd")).toEqual([["access.yaml[0]", "Server orders/allow-api-8080-b4b4b80e"]]);
  });

  test("names what a waypoint enforces, and what the pods do, as a caller comes by either", () => {
    const target = { namespace: "orders", selector: { app: "api" }, service: { name: "api", port: 80 } };
    const office = { cidr: "192.0.2.0/24", reason: "the office calls it" };
    const some = [
      { ...posts, target },
      intent("api-all", { target, callers: [{ namespace: "web", serviceAccount: "all" }, office] }),
    ];
    const explained = (from: Call["from"], waypoint: string | undefined = "waypoint") =>
      explain(some, { orders: "allow" }, call({ from }), "istio", { waypoint });
    const objects = (...of: Parameters<typeof explained>) => explained(...of).rules.map(({ object }) => object);
    const name = "allow-api-8080-b4b4b80e";
    const [atWaypoint, atPods] = [`AuthorizationPolicy orders/waypoint-${name}`, `AuthorizationPolicy orders/${name}`];
    expect(objects(call().from)).toEqual([atWaypoint]);
    expect(objects({ namespace: "web", serviceAccount: "all" })).toEqual([`${atWaypoint} and ${atPods}`]);
    expect(objects({ entities: ["world"], address: "192.0.2.1" })).toEqual([atPods]);
    expect(explained(other.from).because).toMatch(
      /zero-trust-default denies everybody else, at the waypoint zero-trust-waypoint-default$/,
    );
    expect(explain(some, { orders: "allow" }, call(), "istio").rules.map(({ object }) => object)).toEqual([atPods]);
    // Those are objects that are made, of these names.
    const args = {
      namespace: "orders",
      phase: "allow",
      intents: some,
      trustDomain: "x",
      waypoint: "waypoint",
    } as const;
    const made = istioAuthPolicyObjects("x", args).map(({ manifest }) => describeObject(manifest));
    expect(made).toEqual(
      expect.arrayContaining([atWaypoint, atPods, "AuthorizationPolicy orders/zero-trust-waypoint-default"]),
    );
  });

  test("says what denies everybody else, and that Cilium admits the pod's own node", () => {
    expect(of(other).because).toContain("CiliumNetworkPolicy orders/zero-trust denies");
    expect(of({ from: { entities: ["host"] } }).notes).toEqual([
      "Cilium admits the pod's own node in any case, for the kubelet's probes",
    ]);
  });

  test("says why nobody is denied, and why nobody is asked to authenticate", () => {
    expect(of(other, undefined, "observe")).toMatchObject({
      allowed: true,
      because: "nobody is denied in orders, which is observe",
    });
    expect(of({}, undefined, "allow").notes).toEqual(["nobody is asked to authenticate in allow"]);
    const exempt = { namespace: "web", serviceAccount: "frontend", withoutAuthentication: "alarms must work" };
    expect(of({}, [intent("api", { callers: [exempt] })]).notes).toEqual(["it is exempt: alarms must work"]);
    expect(of({}).notes).toEqual([]);
  });

  test("has what nearly admits a call that is denied, the nearest first", () => {
    expect(of({ http }, [intent("metrics", { port: 9090 }), posts]).nearMisses).toEqual([
      "the intent orders/api admits it on port 8080, but not GET /v1/x: it has POST /v1/*",
      "the intent orders/metrics admits it to these pods, but on port 9090",
    ]);
    expect(of(other).nearMisses).toEqual([
      "the intent orders/api is about these pods and this port, but names web/frontend",
    ]);
    expect(of({ to: { namespace: "orders", labels: { app: "db" } } }).nearMisses).toEqual([
      "the intent orders/api admits it on port 8080, but to other pods",
    ]);
  });
});
