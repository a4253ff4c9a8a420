import fc from "fast-check";
import { dump, load } from "js-yaml";
import { describe, expect, test } from "vitest";
import { ciliumAuthPolicyObjects, type CiliumAuthPolicyArgs } from "../../../components/access/cilium/policies";
import { targetName } from "../../../core/access/targets";
import { loadConfig } from "../../../config/load";
import type { Intent } from "../../../core/schema/schema";
import { stackValues } from "../../support/arbitrary";
import { schemaErrors } from "../../support/schema";
import { intent } from "../../support/intents";

const policiesOf = (phase: CiliumAuthPolicyArgs["phase"], ...intents: Intent[]) =>
  ciliumAuthPolicyObjects("access", { namespace: "orders", phase, intents }).map(({ manifest }) => manifest);
/** The specifications of the one policy, but for the default deny. */
const compile = (phase: CiliumAuthPolicyArgs["phase"], ...intents: Intent[]) =>
  policiesOf(phase, ...intents).flatMap(({ specs }) =>
    (specs as Spec[]).filter(({ endpointSelector }) => "matchLabels" in endpointSelector),
  );

interface Spec {
  endpointSelector: object;
  enableDefaultDeny: { ingress: boolean };
  ingress: { fromEndpoints?: { matchLabels: Record<string, string> }[]; toPorts: object[]; authentication?: object }[];
}
const labelsOf = (namespace: string, serviceAccount: string) => ({
  "k8s:io.kubernetes.pod.namespace": namespace,
  "k8s:io.cilium.k8s.policy.serviceaccount": serviceAccount,
});
/** Where a list or an object is empty: Cilium drops those, and what is left means something else. */
const emptyIn = (value: unknown, path = ""): string[] => {
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.entries(value);
  return inner.length === 0 ? [path] : inner.flatMap(([key, each]) => emptyIn(each, `${path}.${key}`));
};
const specOf = (spec: Spec | undefined) => spec ?? expect.fail("no specification");

describe("the policies of a namespace", () => {
  test("in require admit the callers by service account and namespace, on one port, and demand authentication", () => {
    expect(policiesOf("require", intent("api"))).toEqual([
      {
        apiVersion: "cilium.io/v2",
        kind: "CiliumNetworkPolicy",
        metadata: expect.objectContaining({ name: "zero-trust", namespace: "orders" }) as object,
        specs: [
          {
            description: "Who may call orders/api on port 8080",
            endpointSelector: { matchLabels: { app: "api" } },
            enableDefaultDeny: { ingress: true },
            ingress: [
              {
                fromEndpoints: [
                  {
                    matchLabels: {
                      "k8s:io.kubernetes.pod.namespace": "web",
                      "k8s:io.cilium.k8s.policy.serviceaccount": "frontend",
                    },
                  },
                ],
                toPorts: [{ ports: [{ port: "8080", protocol: "TCP" }] }],
                authentication: { mode: "required" },
              },
            ],
          },
          // One empty rule: no rule would deny nothing.
          {
            description: "Nobody may call the pods of orders unless another policy allows it",
            endpointSelector: {},
            ingress: [{}],
          },
        ],
      },
    ]);
  });

  test("in allow admit the same callers, and in observe deny nobody", () => {
    const [allow] = compile("allow", intent("api"));
    const [observe] = compile("observe", intent("api"));
    expect(specOf(allow).ingress[0]).not.toHaveProperty("authentication");
    expect(specOf(allow).enableDefaultDeny).toEqual({ ingress: true });
    expect(specOf(observe).enableDefaultDeny).toEqual({ ingress: false });
    expect(specOf(observe).ingress).toEqual(specOf(allow).ingress);
  });

  test("keep their names from phase to phase, so that a change is an update in place", () => {
    const names = (["observe", "allow", "require"] as const).map(
      (phase) => policiesOf(phase, intent("api"))[0]?.metadata.name,
    );
    expect(new Set(names).size).toBe(1);
  });

  test("put all intents on one target and port into one specification, each caller once", () => {
    const other = {
      callers: [intent("x").callers[0] ?? expect.fail(), { namespace: "billing", serviceAccount: "invoicer" }],
    };
    const merged = compile("require", intent("api"), intent("bills", other), intent("metrics", { port: 9090 }));
    expect(merged.map((manifest) => specOf(manifest).ingress[0]?.fromEndpoints?.length)).toEqual([2, 1]);
  });

  test("know a target whatever the order of its labels, and from another one", () => {
    const target = (selector: Record<string, string>) => ({ target: { namespace: "orders", selector } });
    const name = targetName;
    expect(name(intent("a", target({ app: "api", tier: "web" })))).toBe(
      name(intent("b", target({ tier: "web", app: "api" }))),
    );
    expect(name(intent("a", target({ app: "API" })))).not.toBe(name(intent("a", target({ app: "api" }))));
    expect(name(intent("a", target({ a: "b-c" })))).not.toBe(name(intent("a", target({ a: "b", d: "c" }))));
  });

  test("have a rule for each kind of callers, and ask only workloads without an exemption to authenticate", () => {
    const callers: Intent["callers"] = [
      { namespace: "web", serviceAccount: "frontend" },
      { namespace: "jobs", serviceAccount: "*" },
      { namespace: "monitoring", serviceAccount: "prometheus", withoutAuthentication: "alarms must work on their own" },
      { entity: "ingress" },
      { entity: "host" },
      { cidr: "192.0.2.0/24" },
      { cidr: "2001:db8::/32" },
    ];
    const [policy] = compile("require", intent("api", { callers }));
    expect(specOf(policy).ingress.map(({ toPorts: _, ...rule }) => rule)).toEqual([
      {
        fromEndpoints: [
          { matchLabels: labelsOf("web", "frontend") },
          { matchLabels: { "k8s:io.kubernetes.pod.namespace": "jobs" } },
        ],
        authentication: { mode: "required" },
      },
      { fromEndpoints: [{ matchLabels: labelsOf("monitoring", "prometheus") }] },
      { fromEntities: ["ingress", "host", "remote-node"] },
      { fromCIDR: ["192.0.2.0/24", "2001:db8::/32"] },
    ]);
    const [allow] = compile("allow", intent("api", { callers }));
    expect(specOf(allow).ingress.map((rule) => Object.keys(rule)[0])).toEqual([
      "fromEndpoints",
      "fromEntities",
      "fromCIDR",
    ]);
  });

  test("admit methods and paths one by one, with expressions that match the whole path and its query", () => {
    const operations: Intent["operations"] = [
      { methods: ["GET", "POST"], paths: [{ exact: "/a.b" }, { prefix: "/v1" }] },
      { paths: [{ prefix: "/" }] },
      { methods: ["HEAD"] },
    ];
    const [policy] = compile("require", intent("api", { operations }));
    const segment = "(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)";
    expect(specOf(policy).ingress).toMatchObject([
      {
        toPorts: [
          {
            ports: [{ port: "8080", protocol: "TCP" }],
            rules: {
              http: [
                { method: "GET", path: "/a\\.b(\\?.*)?" },
                { method: "GET", path: `/v1${segment}*/?(\\?.*)?` },
                { method: "HEAD" },
                { method: "POST", path: "/a\\.b(\\?.*)?" },
                { method: "POST", path: `/v1${segment}*/?(\\?.*)?` },
                { path: `(?:/|${segment}+/?)(\\?.*)?` },
              ],
            },
          },
        ],
        authentication: { mode: "required" },
      },
    ]);
  });

  test("share a rule among callers with the same operations, in whatever order these are written", () => {
    const read: Intent["operations"] = [{ methods: ["GET", "HEAD"] }];
    const other = { callers: [{ namespace: "billing", serviceAccount: "invoicer" }] };
    const [same] = compile(
      "allow",
      intent("api", { operations: read }),
      intent("bills", { ...other, operations: [{ methods: ["HEAD"] }, { methods: ["GET", "GET"] }] }),
    );
    const [different] = compile("allow", intent("api", { operations: read }), intent("bills", other));
    expect(specOf(same).ingress.map(({ fromEndpoints }) => fromEndpoints?.length)).toEqual([2]);
    expect(specOf(different).ingress.map(({ fromEndpoints }) => fromEndpoints?.length)).toEqual([1, 1]);
  });

  test("have no rule for HTTP for a caller that another intent or its whole namespace lets do everything", () => {
    const operations: Intent["operations"] = [{ paths: [{ exact: "/a" }] }];
    const everything = [intent("all"), intent("all", { callers: [{ namespace: "web", serviceAccount: "*" }] })];
    for (const all of everything)
      for (const intents of [
        [intent("some", { operations }), all],
        [all, intent("some", { operations })],
      ])
        expect(JSON.stringify(compile("require", ...intents))).not.toContain("http");
  });

  test("leave methods and paths out in observe, where a rule for HTTP would deny", () => {
    const operations: Intent["operations"] = [{ methods: ["GET"] }];
    expect(compile("observe", intent("api", { operations }))).toEqual(compile("observe", intent("api")));
  });

  test("are refused for operations that are empty, which would admit every request", () => {
    for (const operations of [[], [{}], [{ methods: [] }], [{ methods: ["GET"] as const, paths: [] }]])
      expect(() => compile("allow", intent("api", { operations }))).toThrow("operations must have at least one");
  });

  test(
    "name one kind of callers and a port in every rule, keep no empty list, and have names that Kubernetes takes",
    { timeout: 30_000 },
    () => {
      fc.assert(
        fc.property(stackValues, (values) => {
          const { access, rollout } = loadConfig(values, "apps");
          for (const namespace of Object.keys(rollout.phases)) {
            const intents = access.filter(({ target }) => target.namespace === namespace);
            for (const phase of ["observe", "allow", "require"] as const)
              for (const { manifest } of ciliumAuthPolicyObjects("access", {
                namespace,
                phase,
                intents,
                form: "joined",
              })) {
                expect(manifest.metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
                const written = load(dump(manifest)) as typeof manifest;
                expect(written).toEqual(manifest);
              }
            for (const phase of ["observe", "allow", "require"] as const)
              for (const spec of compile(phase, ...intents)) {
                expect(emptyIn(spec)).toEqual([]);
                for (const rule of spec.ingress) {
                  expect(Object.keys(rule).filter((key) => key.startsWith("from"))).toHaveLength(1);
                  expect(rule.toPorts).toHaveLength(1);
                  if (rule.authentication) expect(Object.keys(rule)).toContain("fromEndpoints");
                }
              }
          }
        }),
      );
    },
  );

  test("meet the schema of Cilium's own CRD with every kind of caller and operation", { timeout: 30_000 }, async () => {
    const callers: Intent["callers"] = [
      { namespace: "web", serviceAccount: "*" },
      { entity: "kube-apiserver" },
      { entity: "host" },
      { entity: "ingress" },
      { entity: "world", reason: "customers call it" },
      { cidr: "192.0.2.0/24" },
      { cidr: "2001:db8::/32" },
    ];
    const operations: Intent["operations"] = [{ methods: ["GET"], paths: [{ exact: "/a" }, { prefix: "/" }] }];
    expect(await schemaErrors(policiesOf("require", intent("api", { callers, operations })))).toEqual([]);
  });
});
