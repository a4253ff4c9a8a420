import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, type Call, type Peer } from "../../../core/access/decide";
import { istioAuthPolicyObjects } from "../../../components/access/istio/policies";
import { istioConflicts } from "../../../components/access/istio/conflicts";
import type { IstioMesh } from "../../../components/access/istio/waypoint";
import type { Intent, Phase } from "../../../core/schema/schema";
import { bypasses, calls, harmless, meshIntents } from "../../support/calls";
import { admits, normalised, type IstioObject, type IstioRequest, type Normalization } from "../../models/istioPolicy";

const trustDomain = "apps.zt.internal";
const sidecars: IstioMesh = { mode: "sidecar", pathNormalization: "MERGE_SLASHES" };
const pod = "172.20.1.7";

const api = (overrides: Partial<Intent> = {}): Intent => ({
  name: "api",
  target: { namespace: "orders", selector: { app: "api" } },
  port: 8080,
  callers: [{ namespace: "web", serviceAccount: "frontend" }],
  ...overrides,
});

/** The objects of a namespace as they are when they reach the cluster. */
function objectsOf(intents: readonly Intent[], phase: Exclude<Phase, "off">): IstioObject[] {
  const namespace = intents[0]?.target.namespace ?? "x";
  const planned = istioAuthPolicyObjects("access", { namespace, phase, intents, trustDomain });
  return JSON.parse(JSON.stringify(planned.map(({ manifest }) => manifest))) as IstioObject[];
}

/** A workload has a sidecar, and with it a certificate; what is no workload has an address alone. */
const principalOf = ({
  trustDomain: own = trustDomain,
  namespace,
  serviceAccount,
}: Extract<Peer, { namespace: string }>) => `${own}/ns/${namespace}/sa/${serviceAccount}`;

function requestOf({ from, to, port, http }: Call): IstioRequest {
  const request = { to, port, http: http ?? { method: "GET", path: "/" } };
  if ("entities" in from) return { ...request, address: outside(from) };
  return { ...request, address: pod, principal: principalOf(from) };
}

const isPlain = (path: string) =>
  /^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*\/?$/.test(path.split("?", 1)[0] ?? "") && path.startsWith("/");
const phases = fc.constantFrom<Exclude<Phase, "off">>("observe", "allow", "require");
const normalizations = fc.constantFrom<Normalization>("BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES");

/** Only who is outside has an address that a network may be about: nobody names those of nodes and pods. */
const outside = ({ entities, address = "203.0.113.1" }: Extract<Peer, { entities: unknown }>) =>
  entities.includes("world") ? address : "172.20.0.1";

describe("the policies for Istio", () => {
  test("let sidecars decide every request as the intents say, in every phase", { timeout: 30_000 }, () => {
    const seen = new Set<boolean>();
    fc.assert(
      fc.property(
        meshIntents.chain((intents) =>
          fc.tuple(
            fc.constant(intents),
            phases,
            normalizations,
            fc.array(calls(intents), { minLength: 20, maxLength: 20 }),
          ),
        ),
        ([intents, phase, normalization, calls]) => {
          fc.pre(istioConflicts(intents, sidecars).length === 0);
          const objects = objectsOf(intents, phase);
          for (const call of calls) {
            const request = requestOf(call);
            const { allowed } = decide(intents, { xshop: phase }, { ...call, http: request.http });
            // In `require` a network's callers have no certificate on the ports that name it, and elsewhere none is served.
            if (!isPlain(request.http.path)) continue;
            seen.add(allowed);
            expect(admits(objects, request, normalization)).toBe(allowed);
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(seen.size).toBe(2);
  });

  test("serve nobody without a certificate from allow on, but networks that are named", () => {
    const intents = [api({ callers: [...api().callers, { cidr: "192.0.2.0/24" }] })];
    const to = { namespace: "orders", labels: { app: "api" } };
    const of = (phase: Exclude<Phase, "off">, overrides: Partial<IstioRequest>) =>
      admits(
        objectsOf(intents, phase),
        { address: pod, to, port: 8080, http: { method: "GET", path: "/" }, ...overrides },
        "BASE",
      );
    const principal = `${trustDomain}/ns/web/sa/frontend`;
    expect(of("observe", {})).toBe(true);
    for (const phase of ["allow", "require"] as const) {
      expect(of(phase, {})).toBe(false);
      expect(of(phase, { principal })).toBe(true);
      expect(of(phase, { principal: "other.domain/ns/web/sa/frontend" })).toBe(false);
      expect(of(phase, { principal: `${trustDomain}/ns/web/sa/frontend2` })).toBe(false);
      expect(of(phase, { address: "192.0.2.7" })).toBe(true);
      // A pod of the mesh is told by what it is, wherever it has its address from.
      expect(of(phase, { address: "192.0.2.7", principal: `${trustDomain}/ns/web/sa/other` })).toBe(false);
      expect(of(phase, { address: "192.0.2.7", port: 9090 })).toBe(false);
    }
  });

  test("close a namespace by one object, after every policy that admits somebody, and open it by that object first", () => {
    const intents = [api(), api({ name: "admin", port: 9090 })];
    const planned = (phase: Exclude<Phase, "off">) =>
      istioAuthPolicyObjects("access", { namespace: "orders", phase, intents, trustDomain });
    const standard = "access-zero-trust-default";
    const after = (phase: Exclude<Phase, "off">) =>
      Object.fromEntries(planned(phase).map(({ name, after }) => [name, after]));
    const allow = Object.keys(after("allow")).filter((name) => name.startsWith("access-allow-"));
    expect(allow).toHaveLength(2);
    expect(after("allow")[standard]).toEqual(allow);
    for (const name of allow) expect(after("observe")[name]).toEqual([standard]);
    // Nothing else changes with the phase but who must have a certificate: an off deletes nothing and replaces nothing.
    const changing = (a: Exclude<Phase, "off">, b: Exclude<Phase, "off">) => {
      const others = new Map(planned(b).map(({ name, manifest }) => [name, JSON.stringify(manifest)]));
      expect([...others.keys()].sort()).toEqual(Object.keys(after(a)).sort());
      return planned(a).flatMap(({ name, manifest }) => (others.get(name) === JSON.stringify(manifest) ? [] : [name]));
    };
    expect(changing("observe", "allow")).toEqual([standard]);
    expect(changing("allow", "require")).toEqual(["access-mtls-zero-trust"]);
  });

  test("admit below a prefix nothing that a server could be led elsewhere by, once slashes are merged", () => {
    const objects = objectsOf([api({ operations: [{ paths: [{ prefix: "/api" }] }] })], "allow");
    const to = { namespace: "orders", labels: { app: "api" } };
    const principal = `${trustDomain}/ns/web/sa/frontend`;
    const passes = (path: string, normalization: Normalization) =>
      admits(objects, { principal, address: pod, to, port: 8080, http: { method: "GET", path } }, normalization);
    expect(harmless.filter((path) => !passes(path, "DECODE_AND_MERGE_SLASHES"))).toEqual([]);
    for (const path of bypasses.filter((path) => passes(path, "DECODE_AND_MERGE_SLASHES")))
      expect(normalised(path.split("?", 1)[0] ?? "", "DECODE_AND_MERGE_SLASHES")).toMatch(/^\/api(\/|$)/);
    // What makes the difference: undecoded, an encoded slash hides where a path leads.
    expect(passes("/api/..%2fadmin", "BASE")).toBe(true);
    expect(passes("/api/..%2fadmin", "DECODE_AND_MERGE_SLASHES")).toBe(false);
  });
});

describe("for Istio are refused", () => {
  const of = (intent: Partial<Intent>) => istioConflicts([api(intent)], sidecars).map(({ path }) => path.join("."));
  const caller = (callers: Intent["callers"]) => of({ callers });

  test("callers whom nothing but a certificate or an address tells", () => {
    expect(caller([{ entity: "host" }])).toEqual(["access.0.callers.0.entity"]);
    expect(caller([{ entity: "ingress" }])).toEqual(["access.0.callers.0.entity"]);
    expect(
      caller([{ namespace: "jobs", serviceAccount: "*", withoutAuthentication: "a Job is over before that" }]),
    ).toEqual(["access.0.callers.0.withoutAuthentication"]);
    expect(caller([{ cidr: "192.0.2.0/24" }])).toEqual([]);
  });

  test("two selectors that may select one pod, where both name networks", () => {
    const networks = { callers: [{ cidr: "192.0.2.0/24" }] };
    const other = { target: { namespace: "orders", selector: { tier: "x" } }, port: 9090, name: "other" };
    const paths = (second: Partial<Intent>) =>
      istioConflicts([api(networks), api(second)], sidecars).map(({ path }) => path.join("."));
    expect(paths({ ...other, ...networks })).toEqual(["access.1.target.selector"]);
    expect(paths(other)).toEqual([]);
    expect(paths({ ...other, ...networks, target: { namespace: "orders", selector: { app: "db" } } })).toEqual([]);
    expect(paths({ ...networks, port: 9090 })).toEqual([]);
  });

  test("operations where there is no proxy that knows HTTP, and prefixes whose paths the mesh does not resolve", () => {
    const get = api({ operations: [{ methods: ["GET"] }] });
    const prefix = api({ operations: [{ paths: [{ prefix: "/api" }] }] });
    const paths = (intent: Intent, mesh: Partial<IstioMesh>) =>
      istioConflicts([intent], { ...sidecars, ...mesh }).map(({ path }) => path.join("."));
    expect(paths(get, { mode: "ambient" })).toEqual(["mesh.istio.waypoint"]);
    expect(paths(get, { pathNormalization: "BASE" })).toEqual([]);
    expect(paths(prefix, { pathNormalization: "BASE" })).toEqual(["mesh.istio.pathNormalization"]);
    expect(paths(prefix, {})).toEqual([]);
  });
});
