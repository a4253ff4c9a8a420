import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, type Call, type Peer } from "../../../core/access/decide";
import { linkerdAuthPolicyObjects, linkerdConflicts } from "../../../components/access/linkerd/policies";
import { httpMethods } from "../../../core/schema/intent";
import type { Intent, Phase } from "../../../core/schema/schema";
import { bypasses, calls, harmless, meshIntents } from "../../support/calls";
import { admits, type LinkerdObject, type LinkerdRequest } from "../../models/linkerdPolicy";

const pod = "172.20.1.7";
type Enforced = Exclude<Phase, "off">;

const api = (overrides: Partial<Intent> = {}): Intent => ({
  name: "api",
  target: { namespace: "orders", selector: { app: "api" } },
  port: 8080,
  callers: [{ namespace: "web", serviceAccount: "frontend" }],
  ...overrides,
});
const admin = { namespace: "ops", serviceAccount: "admin" };

const plannedOf = (intents: readonly Intent[], phase: Enforced) =>
  linkerdAuthPolicyObjects("access", { namespace: intents[0]?.target.namespace ?? "x", phase, intents });

/** The objects of a namespace as they are when they reach the cluster. */
const objectsOf = (intents: readonly Intent[], phase: Enforced) =>
  JSON.parse(JSON.stringify(plannedOf(intents, phase).map(({ manifest }) => manifest))) as LinkerdObject[];

function requestOf({ from, to, port, http }: Call): LinkerdRequest {
  const request = { to, port, ...(http ? { http } : {}) };
  return "entities" in from ? { ...request, address: outside(from) } : { ...request, address: pod, identity: from };
}

/** Only who is outside has an address that a network may be about: nobody names those of nodes and pods. */
const outside = ({ entities, address = "203.0.113.1" }: Extract<Peer, { entities: unknown }>) =>
  entities.includes("world") ? address : "172.20.0.1";

describe("the policies for Linkerd", () => {
  test(
    "let proxies decide every request as the intents say, in every phase, whatever is older",
    { timeout: 60_000 },
    () => {
      const seen = new Set<boolean>();
      let [refused, all] = [0, 0];
      fc.assert(
        fc.property(
          meshIntents.chain((intents) =>
            fc.tuple(
              fc.constant(intents),
              fc.constantFrom<Enforced>("observe", "allow", "require"),
              fc.array(calls(intents), { minLength: 20, maxLength: 20 }),
            ),
          ),
          ([intents, phase, calls]) => {
            all += 1;
            if (linkerdConflicts(intents).length > 0) return void (refused += 1);
            const objects = objectsOf(intents, phase);
            for (const call of calls) {
              const { allowed } = decide(intents, { xshop: phase }, call);
              const known =
                !call.http ||
                (call.http.path.startsWith("/") && (httpMethods as readonly string[]).includes(call.http.method));
              // A connection may be one on which operations are requested.
              if (!call.http && intents.some(({ operations }) => operations)) continue;
              const admitted = admits(objects, requestOf(call), phase === "observe" ? "all-unauthenticated" : "deny");
              seen.add(admitted);
              if (known) expect(admitted).toBe(allowed);
              else expect(admitted && !allowed).toBe(false);
            }
          },
        ),
        { numRuns: 300 },
      );
      expect(seen.size).toBe(2);
      expect(refused / all).toBeLessThan(0.5);
    },
  );

  test("change with the phase by one object for each target and port", () => {
    const intents = [api({ operations: [{ methods: ["GET"] }] }), api({ name: "db", port: 5432 })];
    const [observe, require] = [plannedOf(intents, "observe"), plannedOf(intents, "require")];
    expect(observe.map(({ name }) => name)).toEqual(require.map(({ name }) => name));
    const changed = observe.filter(
      ({ manifest }, i) => JSON.stringify(manifest) !== JSON.stringify(require[i]?.manifest),
    );
    expect(changed.map(({ manifest }) => manifest.kind)).toEqual(["AuthorizationPolicy", "AuthorizationPolicy"]);
    const policies = (planned: typeof observe) => planned.filter(({ manifest }) => manifest.kind !== "HTTPRoute");
    expect(policies(plannedOf(intents, "allow"))).toEqual(policies(require));
  });

  test("have a Server after everything that admits somebody to it", () => {
    const planned = plannedOf([api({ operations: [{ methods: ["GET"] }] })], "allow");
    const names = planned.map(({ name }) => name);
    for (const { name, after } of planned)
      for (const other of after) expect(names.indexOf(other)).toBeLessThan(names.indexOf(name));
    const server = planned.find(({ manifest }) => manifest.kind === "Server");
    const policies = planned.filter(({ manifest }) => ["AuthorizationPolicy", "HTTPRoute"].includes(manifest.kind));
    expect(server?.after).toEqual(expect.arrayContaining(policies.map(({ name }) => name)));
  });

  test("never have an empty list, which would admit everybody", () => {
    const lists = (value: unknown): unknown[] => {
      if (Array.isArray(value)) return [value, ...value.flatMap(lists)];
      return typeof value === "object" && value !== null ? Object.values(value).flatMap(lists) : [];
    };
    fc.assert(
      fc.property(meshIntents, fc.constantFrom<Enforced>("observe", "allow"), (intents, phase) => {
        fc.pre(linkerdConflicts(intents).length === 0);
        expect(lists(objectsOf(intents, phase)).filter((list) => (list as unknown[]).length === 0)).toEqual([]);
      }),
    );
  });

  test.each(["/api", "/"])(
    "admit under the prefix %s nothing that leads elsewhere, since Linkerd resolves nothing",
    (prefix) => {
      const intents = [api({ operations: [{ paths: [{ prefix }] }] })];
      const objects = objectsOf(intents, "allow");
      const call = (path: string) => ({
        address: pod,
        identity: { namespace: "web", serviceAccount: "frontend" },
        to: { namespace: "orders", labels: { app: "api" } },
        port: 8080,
        http: { method: "GET", path },
      });
      const passes = (path: string) => admits(objects, call(path), "deny");
      expect(harmless.filter((path) => !passes(path))).toEqual([]);
      for (const path of bypasses.filter(passes)) {
        const { pathname } = new URL(decodeURIComponent(path), "http://server");
        expect(pathname).toBe(path.split("?")[0]);
        expect(pathname.startsWith(prefix)).toBe(true);
      }
    },
  );
});

describe("for Linkerd are refused", () => {
  const of = (...intents: Partial<Intent>[]) =>
    linkerdConflicts(intents.map((intent, i) => api({ name: `api${i}`, ...intent }))).map(({ path }) => path.join("."));

  test("callers whom nothing but a certificate or an address tells", () => {
    expect(of({ callers: [{ entity: "kube-apiserver" }] })).toEqual(["access.0.callers.0.entity"]);
    expect(of({ callers: [{ ...admin, withoutAuthentication: "a Job is over before that" }] })).toEqual([
      "access.0.callers.0.withoutAuthentication",
    ]);
  });

  test("paths of which one would hide the other, or only age would decide", () => {
    const paths = (...given: NonNullable<Intent["operations"]>[number][]) =>
      of(...given.map((operation, i) => ({ operations: [operation], ...(i > 0 ? { callers: [admin] } : {}) })));
    expect(paths({ paths: [{ prefix: "/" }] }, { paths: [{ exact: "/.well-known/x" }] })).toEqual([
      "access.1.operations",
    ]);
    expect(
      paths({ methods: ["GET"], paths: [{ prefix: "/api" }] }, { methods: ["GET"], paths: [{ exact: "/api" }] }),
    ).toEqual(["access.1.operations"]);
    // A method is chosen before none.
    expect(paths({ paths: [{ prefix: "/api" }] }, { methods: ["GET"], paths: [{ exact: "/api" }] })).toEqual([]);
    expect(paths({ paths: [{ prefix: "/api" }] }, { paths: [{ exact: "/api/x" }] })).toEqual([]);
    expect(paths({ paths: [{ exact: "/.well-known/x" }] }, { paths: [{ prefix: "/api" }] })).toEqual([]);
  });
});
