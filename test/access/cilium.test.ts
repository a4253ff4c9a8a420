import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ciliumAuthPolicyObjects, denyAllObjects, type CiliumAuthPolicyArgs } from "../../components/access/cilium";
import { accessDiagram, accessOf } from "../../components/access/graph";
import { loadConfig } from "../../components/config/load";
import type { Intent } from "../../components/config/schema";
import { stackValues } from "../support/arbitrary";

const intent = (name: string, overrides: Partial<Intent> = {}): Intent => ({
  name,
  target: { namespace: "orders", selector: { app: "api" } },
  port: 8080,
  callers: [{ namespace: "web", serviceAccount: "frontend" }],
  ...overrides,
});
const compile = (phase: CiliumAuthPolicyArgs["phase"], ...intents: Intent[]) =>
  ciliumAuthPolicyObjects("access", { namespace: "orders", phase, intents }).map(({ manifest }) => manifest);

interface Spec {
  enableDefaultDeny: { ingress: boolean };
  ingress: { fromEndpoints: { matchLabels: Record<string, string> }[]; authentication?: object }[];
}
const specOf = (manifest: { [field: string]: unknown } | undefined) => manifest?.["spec"] as Spec;

describe("the policies of a namespace", () => {
  test("in require admit the callers by service account and namespace, on one port, and demand authentication", () => {
    expect(compile("require", intent("api"))).toEqual([
      {
        apiVersion: "cilium.io/v2",
        kind: "CiliumNetworkPolicy",
        metadata: expect.objectContaining({ namespace: "orders" }) as object,
        spec: {
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
      (phase) => compile(phase, intent("api"))[0]?.metadata.name,
    );
    expect(new Set(names).size).toBe(1);
  });

  test("put all intents on one target and port into one object, each caller once", () => {
    const other = {
      callers: [intent("x").callers[0] ?? expect.fail(), { namespace: "billing", serviceAccount: "invoicer" }],
    };
    const merged = compile("require", intent("api"), intent("bills", other), intent("metrics", { port: 9090 }));
    expect(merged.map((manifest) => specOf(manifest).ingress[0]?.fromEndpoints.length)).toEqual([2, 1]);
  });

  test("have the same name whatever the order of the selector's labels, and another for another target", () => {
    const target = (selector: Record<string, string>) => ({ target: { namespace: "orders", selector } });
    const name = (i: Intent) => compile("allow", i)[0]?.metadata.name;
    expect(name(intent("a", target({ app: "api", tier: "web" })))).toBe(
      name(intent("b", target({ tier: "web", app: "api" }))),
    );
    expect(name(intent("a", target({ app: "API" })))).not.toBe(name(intent("a", target({ app: "api" }))));
    expect(name(intent("a", target({ a: "b-c" })))).not.toBe(name(intent("a", target({ a: "b", d: "c" }))));
  });

  test("never have a source that selects everybody, nor a name that Kubernetes refuses", () => {
    fc.assert(
      fc.property(stackValues, (values) => {
        const { access, rollout } = loadConfig(values, "apps");
        for (const namespace of Object.keys(rollout.phases)) {
          const intents = access.filter(({ target }) => target.namespace === namespace);
          for (const { manifest } of ciliumAuthPolicyObjects("access", { namespace, phase: "require", intents })) {
            expect(manifest.metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
            const { fromEndpoints = [] } = specOf(manifest).ingress[0] ?? {};
            expect(fromEndpoints.length).toBeGreaterThan(0);
            for (const { matchLabels } of fromEndpoints) expect(Object.keys(matchLabels).length).toBe(2);
          }
        }
      }),
    );
  });

  test("are closed by one that selects every pod and admits nobody: one empty rule, for no rule would deny nothing", () => {
    const [{ manifest } = expect.fail()] = denyAllObjects("deny-all", { namespace: "orders" });
    expect(manifest["spec"]).toMatchObject({ endpointSelector: {}, ingress: [{}] });
  });
});

describe("who may call whom", () => {
  test("is authenticated in require, told by labels in allow, and open in observe and off", () => {
    const of = (phase: "off" | "observe" | "allow" | "require") => accessOf([intent("api")], { orders: phase });
    expect(of("require")).toEqual([{ from: "web/frontend", to: "orders/api", port: 8080, authenticated: true }]);
    expect(of("allow")).toEqual([{ from: "web/frontend", to: "orders/api", port: 8080, authenticated: false }]);
    expect([...of("observe"), ...of("off")]).toEqual([]);
  });

  test("is drawn with callers and targets in their namespaces, and a thick arrow for an authenticated call", () => {
    const access = accessOf([intent("api")], { orders: "require" });
    const open = { from: "orders/api", to: "orders/db", port: 5432, authenticated: false };
    expect(accessDiagram([...access, open])).toBe(
      [
        "flowchart LR",
        "  subgraph orders",
        '    n0["api"]',
        '    n1["db"]',
        "  end",
        "  subgraph web",
        '    n2["frontend"]',
        "  end",
        '  n2 == "8080, authenticated" ==> n0',
        '  n0 -- "5432" --> n1',
      ].join("\n"),
    );
  });
});
