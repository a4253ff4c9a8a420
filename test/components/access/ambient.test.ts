import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, type Call, type Peer } from "../../../core/access/decide";
import { istioAuthPolicyObjects } from "../../../components/access/istio/policies";
import { istioConflicts } from "../../../components/access/istio/conflicts";
import type { IstioMesh } from "../../../components/access/istio/waypoint";
import type { Intent, Phase } from "../../../core/schema/schema";
import { bypasses, calls, harmless, meshIntents } from "../../support/calls";
import {
  admitsInAmbient,
  meshDomain,
  normalised,
  type IstioObject,
  type IstioRequest,
  type ServiceCall,
} from "../../models/istioPolicy";

type Enforced = Exclude<Phase, "off">;
const trustDomain = meshDomain;
const waypoint = "gate";
const mesh: IstioMesh = { mode: "ambient", pathNormalization: "DECODE_AND_MERGE_SLASHES", waypoint };
const pod = "172.20.1.7";
const to = { namespace: "orders", labels: { app: "api" } };

const api = (overrides: Partial<Intent> = {}): Intent => ({
  name: "api",
  target: { namespace: "orders", selector: { app: "api" }, service: { name: "api", port: 80 } },
  port: 8080,
  callers: [{ namespace: "web", serviceAccount: "frontend" }],
  ...overrides,
});
const reads = { operations: [{ methods: ["GET" as const], paths: [{ prefix: "/api" }] }] };

function planned(intents: readonly Intent[], phase: Enforced) {
  const namespace = intents[0]?.target.namespace ?? "x";
  return istioAuthPolicyObjects("access", { namespace, phase, intents, trustDomain, waypoint });
}

/** The objects of a namespace as they are when they reach the cluster. */
const objectsOf = (intents: readonly Intent[], phase: Enforced) =>
  JSON.parse(JSON.stringify(planned(intents, phase).map(({ manifest }) => manifest))) as IstioObject[];

const principalOf = ({
  trustDomain: own = trustDomain,
  namespace,
  serviceAccount,
}: Extract<Peer, { namespace: string }>) => `${own}/ns/${namespace}/sa/${serviceAccount}`;

function requestOf({ from, to, port, http }: Call): IstioRequest {
  const request = { to, port, http: http ?? { method: "GET", path: "/" } };
  if (!("entities" in from)) return { ...request, address: pod, principal: principalOf(from) };
  return { ...request, address: from.entities.includes("world") ? (from.address ?? "203.0.113.1") : "172.20.0.1" };
}

const isPlain = (path: string) => /^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*\/?(\?.*)?$/.test(path) && path.startsWith("/");
const selectorOf = ({ target }: Pick<Intent, "target">) => JSON.stringify(Object.entries(target.selector).sort());

/**
 * Intents each of whose targets has a Service where one of them has operations, or by chance; and networks beside no operations. A Service's port is another than the container's, and can be
 * the number of another container's.
 */
const ambientIntents = fc
  .tuple(meshIntents, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), fc.constantFrom(0, 1, 8000))
  .map(([intents, chance, offset]) => {
    const selectors = [...new Set(intents.map(selectorOf))];
    return intents.map(({ callers, ...intent }): Intent => {
      const key = selectorOf(intent);
      const limited = intents.some(
        (other) => other.operations && other.port === intent.port && selectorOf(other) === key,
      );
      const n = selectors.indexOf(key);
      const port = ((intent.port + offset - 1) % 65535) + 1;
      const service = limited || chance[n % chance.length] ? { service: { name: `s${n}`, port } } : {};
      const workloads = callers.filter((caller) => !("cidr" in caller));
      return {
        ...intent,
        target: { ...intent.target, ...service },
        callers: intent.operations
          ? workloads.length > 0
            ? workloads
            : [{ namespace: "xweb", serviceAccount: "xa" }]
          : callers,
      };
    });
  });

/** The Service in front of the pod that is called, on the port that leads to the one that is called, as the intents have it. */
function serviceOf(
  intents: readonly Intent[],
  { to, port }: Call,
  useWaypoint: string | undefined,
): ServiceCall | undefined {
  const intent = intents.find(
    ({ target, port: container }) =>
      target.service &&
      container === port &&
      target.namespace === to.namespace &&
      Object.entries(target.selector).every(([key, value]) => to.labels[key] === value),
  );
  const { name, port: own = port } = intent?.target.service ?? {};
  return name === undefined ? undefined : { name, port: own, ...(useWaypoint ? { useWaypoint } : {}) };
}

describe("in ambient mode with a waypoint, the policies", () => {
  test(
    "let waypoint and ztunnel decide every request as the intents say, and calls to the pod's address never wider",
    { timeout: 60_000 },
    () => {
      const seen = { service: new Set<boolean>(), pod: new Set<boolean>(), stricter: 0 };
      fc.assert(
        fc.property(
          ambientIntents.chain((intents) =>
            fc.tuple(
              fc.constant(intents),
              fc.constantFrom<Enforced>("observe", "allow", "require"),
              fc.array(calls(intents), { minLength: 20, maxLength: 20 }),
            ),
          ),
          ([intents, phase, calls]) => {
            fc.pre(istioConflicts(intents, mesh).length === 0);
            const objects = objectsOf(intents, phase);
            const anything = intents.filter(({ operations }) => !operations);
            for (const call of calls) {
              const request = requestOf(call);
              const asked = { ...call, http: request.http };
              const { allowed } = decide(intents, { xshop: phase }, asked);
              const admitted = (via: ServiceCall | undefined) =>
                admitsInAmbient(objects, request, via, mesh.pathNormalization);
              // Whoever may do everything may do so at the pod's address; who may do something may do nothing there, and nothing if nobody labelled the Service.
              const direct = decide(anything, { xshop: phase }, asked).allowed;
              expect(admitted(undefined)).toBe(direct);
              const via = serviceOf(intents, call, waypoint);
              if (!via) {
                expect(direct).toBe(allowed);
                continue;
              }
              expect(admitted(serviceOf(intents, call, undefined))).toBe(direct);
              seen.pod.add(direct);
              if (allowed && !direct) seen.stricter++;
              if (!isPlain(request.http.path)) continue;
              expect(admitted(via)).toBe(allowed);
              seen.service.add(allowed);
            }
          },
        ),
        { numRuns: 100 },
      );
      expect([seen.service.size, seen.pod.size, seen.stricter > 0]).toEqual([2, 2, true]);
    },
  );

  test("admit below a prefix nothing that a server could be led elsewhere by, and no caller past the waypoint", () => {
    const objects = objectsOf([api(reads)], "allow");
    const principal = `${trustDomain}/ns/web/sa/frontend`;
    const passes = (path: string, via?: ServiceCall, method = "GET") =>
      admitsInAmbient(
        objects,
        { principal, address: pod, to, port: 8080, http: { method, path } },
        via,
        "DECODE_AND_MERGE_SLASHES",
      );
    const service = { name: "api", port: 80, useWaypoint: waypoint };
    expect(harmless.filter((path) => !passes(path, service))).toEqual([]);
    for (const path of bypasses.filter((path) => passes(path, service)))
      expect(normalised(path.split("?", 1)[0] ?? "", "DECODE_AND_MERGE_SLASHES")).toMatch(/^\/api(\/|$)/);
    expect(passes("/api", service, "POST")).toBe(false);
    // The pod's own address, a Service without the label, one that is labelled and in no intent, and another port of the same one.
    expect(passes("/api")).toBe(false);
    expect(passes("/api", { name: "api", port: 80 })).toBe(false);
    expect(passes("/api", { ...service, name: "api-headless" })).toBe(false);
    expect(passes("/api", { ...service, port: 8080 })).toBe(false);
  });

  test("close and open by the two defaults alone, in an order in which neither denies whom the intents admit", () => {
    const intents = [api(reads), api({ name: "admin", callers: [{ namespace: "ops", serviceAccount: "*" }] })];
    const changing = (a: Enforced, b: Enforced) => {
      const others = new Map(planned(intents, b).map(({ name, manifest }) => [name, JSON.stringify(manifest)]));
      expect([...others.keys()].sort()).toEqual(
        planned(intents, a)
          .map(({ name }) => name)
          .sort(),
      );
      return planned(intents, a).flatMap(({ name, manifest }) =>
        others.get(name) === JSON.stringify(manifest) ? [] : [name],
      );
    };
    expect(changing("observe", "allow").sort()).toEqual([
      "access-zero-trust-default",
      "access-zero-trust-waypoint-default",
    ]);
    expect(changing("allow", "require")).toEqual(["access-mtls-zero-trust"]);
  });

  test.each<[from: Enforced | undefined, to: Enforced]>([
    [undefined, "allow"],
    [undefined, "observe"],
    ["observe", "allow"],
    ["allow", "observe"],
    ["require", "observe"],
  ])(
    "from %s to %s deny nobody whom the intents admit, and admit nobody past the waypoint, at any step of it",
    (from, to) => {
      const intents = [api(reads), api({ name: "admin", callers: [{ namespace: "ops", serviceAccount: "x" }] })];
      const call = (principal: string, method: string, via?: ServiceCall) => (objects: readonly IstioObject[]) =>
        admitsInAmbient(
          objects,
          {
            principal: `${trustDomain}/ns/${principal}`,
            address: pod,
            to: { namespace: "orders", labels: { app: "api" } },
            port: 8080,
            http: { method, path: "/api" },
          },
          via,
          "BASE",
        );
      const service = { name: "api", port: 80, useWaypoint: waypoint };
      const live = new Map(
        (from ? planned(intents, from) : []).map(({ name, manifest }) => [name, manifest as unknown as IstioObject]),
      );
      const pending = planned(intents, to);
      while (pending.length > 0) {
        const at = pending.findIndex(({ after }) => after.every((name) => !pending.some((one) => one.name === name)));
        const [{ name, manifest } = expect.fail("a circle")] = pending.splice(at, 1);
        live.set(name, manifest as unknown as IstioObject);
        const objects = [...live.values()];
        // Once pods are there whom somebody may call, who was admitted before goes on to be.
        if (from) {
          expect(call("web/sa/frontend", "GET", service)(objects)).toBe(true);
          expect(call("ops/sa/x", "POST", service)(objects)).toBe(true);
          expect(call("ops/sa/x", "POST")(objects)).toBe(true);
        } else if (to === "allow" && live.has("access-gateway-gate")) {
          expect(call("web/sa/frontend", "POST", service)(objects)).toBe(false);
          expect(call("web/sa/other", "GET", service)(objects)).toBe(false);
        }
      }
      expect(call("web/sa/frontend", "POST", service)([...live.values()])).toBe(to === "observe");
    },
  );
});

describe("for ambient mode are refused", () => {
  const of = (intents: readonly Intent[], changes: Partial<IstioMesh> = {}) =>
    istioConflicts(intents, { ...mesh, ...changes }).map(({ path }) => path.join("."));
  const bare = { namespace: "orders", selector: { app: "api" } };
  const target = (selector: Record<string, string>, service: { name: string; port?: number }) => ({
    target: { namespace: "orders", selector, service },
  });

  test("operations without a waypoint, or without a Service in front of the target", () => {
    expect(of([api({ ...reads, target: bare })], { waypoint: undefined })).toEqual(["mesh.istio.waypoint"]);
    expect(of([api({ ...reads, target: bare })])).toEqual(["access.0.target.service"]);
    expect(of([api({ ...reads, target: bare }), api({ name: "b" })])).toEqual([]);
    expect(of([api({ target: bare })], { waypoint: undefined })).toEqual([]);
    expect(of([api(reads)], { pathNormalization: "BASE" })).toEqual(["mesh.istio.pathNormalization"]);
  });

  test("a waypoint beside sidecars, and a Service without a waypoint", () => {
    expect(of([api()], { mode: "sidecar" })).toEqual(["mesh.istio.waypoint", "access.0.target.service"]);
    expect(of([api()], { waypoint: undefined })).toEqual(["access.0.target.service"]);
  });

  test("networks beside operations, which never come through a waypoint", () => {
    expect(of([api({ ...reads, callers: [{ cidr: "192.0.2.0/24" }] })])).toEqual(["access.0.callers.0.cidr"]);
    expect(of([api({ callers: [{ cidr: "192.0.2.0/24" }] })])).toEqual([]);
  });

  test("two Services for a target, two targets for a Service, and two ports for a port of it", () => {
    const second = (changes: Partial<Intent>) => of([api(), api({ name: "b", ...changes })]);
    expect(second({})).toEqual([]);
    expect(second(target({ app: "api" }, { name: "other", port: 80 }))).toEqual(["access.1.target.service"]);
    expect(second({ ...target({ app: "db" }, { name: "api", port: 81 }), port: 81 })).toEqual([
      "access.1.target.service",
    ]);
    expect(second({ port: 9090 })).toEqual(["access.1.target.service"]);
    expect(second({ ...target({ app: "api" }, { name: "api" }), port: 9090 })).toEqual([]);
  });
});
