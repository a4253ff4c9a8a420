import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide } from "../../core/access/decide";
import type { Intent } from "../../core/schema/schema";
import { callerOf, type Call, type Caller } from "../../verify/calls";
import type { LabelledIdentity } from "../../live/readiness";
import { judge, type Rules } from "../../verify/judge";
import { foreignPolicies, type Policy } from "../../verify/policies";
import { anyIntents } from "../support/arbitrary";

const intent = (overrides: Partial<Intent> = {}): Intent => ({
  name: "api",
  target: { namespace: "orders", selector: { app: "api" } },
  port: 8080,
  callers: [{ namespace: "web", serviceAccount: "frontend" }],
  ...overrides,
});

const identity = (number: string, namespace: string, serviceAccount: string, app: string): LabelledIdentity => ({
  number,
  namespace,
  labels: {
    "k8s:app": app,
    "k8s:io.kubernetes.pod.namespace": namespace,
    "k8s:io.cilium.k8s.policy.serviceaccount": serviceAccount,
  },
});
const identities = [identity("1001", "web", "frontend", "frontend"), identity("1002", "orders", "api", "api")];

const rules = (overrides: Partial<Rules> = {}): Rules => ({
  namespace: "orders",
  intents: [intent()],
  registered: { identities, entries: new Set(["1001", "1002"]) },
  ...overrides,
});
const call = (overrides: Partial<Call & { job: boolean }> = {}) => ({
  from: { namespace: "web", serviceAccount: "frontend" },
  to: { app: "api" },
  port: 8080,
  protocol: "TCP" as const,
  job: false,
  ...overrides,
});

describe("in require, a caller", () => {
  test("that an intent names is authenticated", () => {
    expect(judge(call(), rules())).toEqual({ verdict: "authenticated", because: [] });
  });

  test("that is exempt, or is no workload, is admitted without authentication, and why", () => {
    const exempt = { namespace: "web", serviceAccount: "frontend", withoutAuthentication: "alarms must work" };
    expect(judge(call(), rules({ intents: [intent({ callers: [exempt] })] }))).toEqual({
      verdict: "without authentication",
      because: ["its intent exempts it"],
    });
    const host = call({ from: { entities: ["host"] } });
    expect(judge(host, rules({ intents: [intent({ callers: [{ entity: "host" }] })] })).because).toEqual([
      "it is no workload, so that it cannot authenticate",
    ]);
  });

  test("on the pod's own node is admitted whatever the intents say, as the kubelet must be", () => {
    const from = { entities: ["host"] as const, ownNode: true as const };
    expect(judge(call({ from, protocol: "UDP" }), rules({ intents: [] })).verdict).toBe("without authentication");
    expect(judge(call({ from: { entities: ["host"] } }), rules()).verdict).toBe("cut off");
  });

  test.each<[Partial<Call>, RegExp]>([
    [{ from: { namespace: "web", serviceAccount: "other" } }, /^no intent names it$/],
    [{ port: 9090 }, /^no intent names it$/],
    [{ to: { app: "db" } }, /^no intent names it$/],
    [{ from: { entities: ["host"] } }, /no workload/],
    [{ from: { entities: ["world"], address: "192.0.2.7" } }, /outside the cluster/],
    [{ from: { entities: [], reserved: "init" } }, /no intent can name it: Cilium's identity reserved:init/],
    [{ protocol: "UDP" }, /UDP/],
    [{ protocol: "ICMP", port: 0 }, /ICMP/],
    [{ protocol: "SCTP" }, /SCTP/],
  ])("is cut off where it is %j, and why", (overrides, because) => {
    expect(judge(call(overrides), rules())).toEqual({
      verdict: "cut off",
      because: [expect.stringMatching(because) as string],
    });
  });

  test("is cut off where an identity of its own or of its target has no entry in SPIRE", () => {
    const judged = (entries: string[]) =>
      judge(call(), rules({ registered: { identities, entries: new Set(entries) } }));
    expect(judged(["1002"])).toEqual({
      verdict: "cut off",
      because: ["identity 1001, of web/frontend, has no entry in SPIRE"],
    });
    expect(judged(["1001"]).because).toEqual(["identity 1002, of the target, has no entry in SPIRE"]);
    expect(judge(call(), rules({ registered: undefined })).verdict).toBe("authenticated");
  });

  test("that is not asked to authenticate needs no entry", () => {
    const registered = { identities, entries: new Set<string>() };
    const intents = [intent({ callers: [{ entity: "ingress" }] })];
    const from: Caller = { entities: ["ingress"] };
    expect(judge(call({ from }), rules({ intents, registered })).verdict).toBe("without authentication");
  });

  test("that is a Job is authenticated, and said to lose its first packet", () => {
    expect(judge(call({ job: true }), rules())).toEqual({
      verdict: "authenticated",
      because: [expect.stringMatching(/^a Job: its first packet is dropped/) as string],
    });
  });
});

test("what is judged is what decide says of the phase require, for any intents and callers", () => {
  const callers = fc.oneof<fc.Arbitrary<Caller>[]>(
    fc.record({ namespace: fc.constantFrom("xweb", "xshop", "x"), serviceAccount: fc.constantFrom("xa", "xb", "x") }),
    fc
      .record({
        names: fc.subarray(["kube-apiserver", "remote-node", "world", "ingress", "init"], { minLength: 1 }),
        address: fc.constantFrom("10.2.3.4", "192.0.2.9", "203.0.113.1", "2001:db8::1"),
      })
      .map(({ names, address }) =>
        callerOf(
          names.map((name) => `reserved:${name}`),
          address,
        ),
      ),
  );
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      anyIntents(["xshop"])
        .filter(({ length }) => length > 0)
        .chain((intents) =>
          fc.record({
            intents: fc.constant(intents),
            from: callers,
            to: fc.constantFrom({ app: "b" }, ...intents.map(({ target }) => target.selector)),
            port: fc.constantFrom(81, ...intents.map(({ port }) => port)),
          }),
        ),
      ({ intents, from, to, port }) => {
        const decision = decide(intents, { xshop: "require" }, { from, to: { namespace: "xshop", labels: to }, port });
        const { verdict } = judge(call({ from, to, port }), { namespace: "xshop", intents, registered: undefined });
        seen.add(verdict);
        expect({ allowed: verdict !== "cut off", mustAuthenticate: verdict === "authenticated" }).toEqual(decision);
      },
    ),
    { numRuns: 1000 },
  );
  expect([...seen].sort()).toEqual(["authenticated", "cut off", "without authentication"]);
});

describe("policies of others are named where they are about ingress to a pod of the namespace:", () => {
  const policy = (kind: string, spec: object, labels: Record<string, string> = {}): Policy => ({
    apiVersion: "v1",
    kind,
    metadata: { name: "x", ...(kind.includes("Clusterwide") ? {} : { namespace: "orders" }), labels },
    spec,
  });
  const found = (...policies: Policy[]) => foreignPolicies(policies, "orders", [{ app: "api" }, { app: "db" }]);
  const ingress = [{}];

  test.each<[string, Policy, string[]]>([
    [
      "a CiliumNetworkPolicy",
      policy("CiliumNetworkPolicy", { endpointSelector: {}, ingress }),
      ["CiliumNetworkPolicy orders/x"],
    ],
    [
      "one that denies",
      policy("CiliumNetworkPolicy", { endpointSelector: { matchLabels: { "k8s:app": "api" } }, ingressDeny: ingress }),
      ["CiliumNetworkPolicy orders/x"],
    ],
    [
      "one of ours",
      policy(
        "CiliumNetworkPolicy",
        { endpointSelector: {}, ingress },
        { "app.kubernetes.io/managed-by": "zero-trust" },
      ),
      [],
    ],
    ["one about egress", policy("CiliumNetworkPolicy", { endpointSelector: {}, egress: [{}] }), []],
    [
      "one for other pods",
      policy("CiliumNetworkPolicy", { endpointSelector: { matchLabels: { app: "web" } }, ingress }),
      [],
    ],
    [
      "one of the whole cluster",
      policy("CiliumClusterwideNetworkPolicy", {
        endpointSelector: {
          matchExpressions: [{ key: "k8s:io.kubernetes.pod.namespace", operator: "NotIn", values: ["kube-system"] }],
        },
        ingress,
      }),
      ["CiliumClusterwideNetworkPolicy x"],
    ],
    [
      "one for other namespaces",
      policy("CiliumClusterwideNetworkPolicy", {
        endpointSelector: { matchLabels: { "k8s:io.kubernetes.pod.namespace": "web" } },
        ingress,
      }),
      [],
    ],
    ["one for nodes", policy("CiliumClusterwideNetworkPolicy", { nodeSelector: {}, ingress }), []],
    ["a NetworkPolicy", policy("NetworkPolicy", { podSelector: {} }), ["NetworkPolicy orders/x"]],
    ["one about egress alone", policy("NetworkPolicy", { podSelector: {}, policyTypes: ["Egress"] }), []],
    [
      "one with expressions",
      policy("NetworkPolicy", {
        podSelector: {
          matchExpressions: [
            { key: "app", operator: "In", values: ["db"] },
            { key: "app", operator: "Exists" },
            { key: "tier", operator: "NotIn", values: ["a"] },
            { key: "tier", operator: "DoesNotExist" },
          ],
        },
      }),
      ["NetworkPolicy orders/x"],
    ],
    [
      "one that no pod meets",
      policy("NetworkPolicy", { podSelector: { matchExpressions: [{ key: "tier", operator: "Exists" }] } }),
      [],
    ],
  ])("%s", (_, policy, names) => expect(found(policy)).toEqual(names));

  test("with several specs too", () => {
    const { spec: _, ...rest } = policy("CiliumNetworkPolicy", {});
    expect(
      found({
        ...rest,
        specs: [
          { endpointSelector: {}, egress: [{}] },
          { endpointSelector: {}, ingress },
        ],
      }),
    ).toHaveLength(1);
  });
});
