import { describe, expect, test } from "vitest";
import { loadConfig } from "../../components/config/load";
import type { KubernetesObject } from "../../components/kubernetes";
import { readStackFile } from "../../components/config/stackFile";
import type { Facts } from "../../policy/facts";
import { judge, type Guardrail } from "../../policy/guardrail";
import { guardrails } from "../../policy/guardrails";
import { goodFacts, root } from "../support/stacks";

/** The good facts, changed in one way. */
interface Mutation {
  readonly what: string;
  readonly change: (facts: Facts) => Facts;
  /** Part of the message; the verdict is fail unless `verdict` says otherwise. */
  readonly says: RegExp;
  readonly verdict?: "warn";
}

const withConfig =
  (...assignments: string[]) =>
  (facts: Facts): Facts => ({ ...facts, config: loadConfig(readStackFile(root, "apps", assignments), "apps") });
const withObject =
  (object: KubernetesObject) =>
  (facts: Facts): Facts => ({ ...facts, objects: [...facts.objects, object] });
const withChanged =
  (kind: string, name: string, change: (json: string) => string) =>
  (facts: Facts): Facts => ({
    ...facts,
    objects: facts.objects.map((o) =>
      o.kind === kind && o.metadata.name === name ? (JSON.parse(change(JSON.stringify(o))) as KubernetesObject) : o,
    ),
  });
const both =
  (first: (facts: Facts) => Facts, second: (facts: Facts) => Facts) =>
  (facts: Facts): Facts =>
    second(first(facts));

/** A Cilium policy with one rule that demands authentication. */
const policy = (rule: object, overrides: Partial<KubernetesObject> = {}): KubernetesObject => ({
  apiVersion: "cilium.io/v2",
  kind: "CiliumNetworkPolicy",
  metadata: { name: "extra", namespace: "orders" },
  spec: { endpointSelector: {}, ingress: [{ authentication: { mode: "required" }, ...rule }] },
  ...overrides,
});
const named = { fromEndpoints: [{ matchLabels: { app: "web" } }] };
const clusterwide = (endpointSelector: object): KubernetesObject =>
  policy(
    {},
    {
      kind: "CiliumClusterwideNetworkPolicy",
      metadata: { name: "extra" },
      spec: { endpointSelector, ingress: [{ ...named, authentication: { mode: "required" } }] },
    },
  );
const budget = (spec: object): KubernetesObject => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name: "spire-server", namespace: "spire" },
  spec: { selector: { matchLabels: { "app.kubernetes.io/name": "spire-server" } }, ...spec },
});
const ttl = (key: string, value: string) =>
  withChanged("ConfigMap", "spire-server", (json) =>
    json.replace(new RegExp(`(${key}\\\\": \\\\")[^"\\\\]*`), `$1${value}`),
  );
const token = (seconds: number) =>
  withChanged("DaemonSet", "spire-agent", (json) => json.replace("7200", String(seconds)));

const broad: Mutation[] = (
  [
    ["no source at all", {}],
    ["an empty list of sources", { fromEndpoints: [] }],
    ["an empty selector", { fromEndpoints: [{}] }],
    ["a selector that is null", { fromEndpoints: [null] }],
    ["a selector with empty labels", { fromEndpoints: [{ matchLabels: {} }] }],
    ["a selector with empty expressions", { fromEndpoints: [{ matchExpressions: [] }] }],
    ["a second selector that is empty", { fromEndpoints: [{ matchLabels: { app: "web" } }, { matchLabels: {} }] }],
    ["the entity all", { fromEntities: ["all"] }],
    ["the entity cluster beside others", { fromEntities: ["host", "cluster"] }],
  ] as const
).map(([what, rule]) => ({ what, change: withObject(policy(rule)), says: /selects everybody/ }));

/** What each guardrail claims to catch. */
const mutations: Readonly<Record<string, readonly Mutation[]>> = {
  "no-required-while-disabled": [
    {
      what: "auth off beside the policies of auth on",
      change: withConfig("auth=false"),
      says: /allow-api.* demands authentication while auth is off/,
    },
    {
      what: "a rule in specs",
      change: both(
        withConfig("auth=false"),
        withObject(
          policy({}, { spec: undefined, specs: [{ ingress: [{ ...named, authentication: { mode: "required" } }] }] }),
        ),
      ),
      says: /specs\[0\]\.ingress\[0\]/,
    },
    {
      what: "an egress rule",
      change: both(
        withConfig("auth=false"),
        withObject(policy({}, { spec: { egress: [{ authentication: { mode: "required" } }] } })),
      ),
      says: /spec\.egress\[0\]/,
    },
    {
      what: "a cluster-wide policy",
      change: both(withConfig("auth=false"), withObject(clusterwide({}))),
      says: /CiliumClusterwideNetworkPolicy extra/,
    },
  ],
  "no-broad-auth-rule": [
    ...broad,
    {
      what: "an egress rule without a peer",
      change: withObject(policy({}, { spec: { egress: [{ authentication: { mode: "required" } }] } })),
      says: /toEndpoints/,
    },
  ],
  "protected-namespaces": [
    ...["kube-system", "spire", "flux-system", "longhorn-system", "cert-manager", "ingress-nginx", "monitoring"].map(
      (namespace) => ({
        what: `${namespace} in require`,
        change: withConfig(`rollout.phases.${namespace}=require`),
        says: new RegExp(`rollout.phases.${namespace} is require`),
      }),
    ),
    {
      what: "the namespace of Cilium, wherever it is",
      change: withConfig("cluster.cilium.namespace=network", "rollout.phases.network=require"),
      says: /network runs Cilium itself/,
    },
    {
      what: "a policy in kube-system",
      change: withObject(policy(named, { metadata: { name: "dns", namespace: "kube-system" } })),
      says: /kube-system/,
    },
    { what: "a cluster-wide policy for everything", change: withObject(clusterwide({})), says: /in every namespace/ },
    {
      what: "a cluster-wide policy for kube-system",
      change: withObject(clusterwide({ matchLabels: { "k8s:io.kubernetes.pod.namespace": "kube-system" } })),
      says: /kube-system/,
    },
    {
      what: "a protected namespace closed to callers that no intent names",
      change: withConfig("rollout.phases.kube-system=allow"),
      says: /is allow, which denies every caller that no intent names/,
      verdict: "warn",
    },
  ],
  "trust-domain": [
    ...["example.org", "cluster.local", "spiffe.cilium", "a.test"].map((name) => ({
      what: `the placeholder ${name}`,
      change: withConfig(`trustDomain=${name}`),
      says: /a placeholder/,
    })),
    {
      what: "the trust domain of another stack",
      change: withConfig("trustDomain=infra.zt.internal"),
      says: /stack infra/,
    },
    {
      what: "another trust domain than was deployed",
      change: withConfig("trustDomain=new.zt.internal"),
      says: /write apps\.zt\.internal/,
    },
  ],
  "sqlite-single-server": [
    {
      what: "two servers on sqlite",
      change: withChanged("StatefulSet", "spire-server", (json) => json.replace('"replicas":1', '"replicas":2')),
      says: /spec\.replicas is 2/,
    },
    { what: "a budget of one", change: withObject(budget({ minAvailable: 1 })), says: /blocks every eviction/ },
    { what: "a budget in percent", change: withObject(budget({ minAvailable: "50%" })), says: /blocks every eviction/ },
    {
      what: "a budget of none unavailable",
      change: withObject(budget({ maxUnavailable: 0 })),
      says: /blocks every eviction/,
    },
  ],
  "ttl-coherence": [
    {
      what: "an SVID longer than a sixth of the CA's lifetime",
      change: ttl("default_x509_svid_ttl", "29h"),
      says: /29h, more than the 28h/,
    },
    { what: "an agent longer than that", change: ttl("agent_ttl", "48h"), says: /agent_ttl/ },
    { what: "a CA shorter than six times the SVIDs", change: ttl("ca_ttl", "12h"), says: /more than the 2h/ },
    {
      what: "an SVID beyond a week, however long the CA",
      change: both(ttl("ca_ttl", "9000h"), ttl("default_x509_svid_ttl", "169h")),
      says: /more than the 168h/,
    },
    { what: "a lifetime that is none", change: ttl("default_jwt_svid_ttl", "5 minutes"), says: /no duration/ },
    { what: "a token below ten minutes", change: token(599), says: /below the 600/ },
    { what: "a token below an hour", change: token(3599), says: /kubelet restarts/, verdict: "warn" },
  ],
};

describe("the guardrails", () => {
  test("all pass on the stack apps as it is committed, with authentication on", () => {
    expect(judge(guardrails, goodFacts()).map(({ guardrail, verdict }) => [guardrail.name, verdict])).toEqual(
      guardrails.map(({ name }) => [name, "pass"]),
    );
  });

  test("are named and explained: kebab case, what holds, what it prevents and where that was seen, how to put it right", () => {
    expect(new Set(guardrails.map(({ name }) => name)).size).toBe(guardrails.length);
    for (const { name, description, prevents, remediation, checkObject, checkStack, reads } of guardrails) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(description).toMatch(/^[A-Z].*\.$/);
      expect(prevents).toMatch(/\((.*#\d+|SPIRE )|Split brain/);
      expect(remediation.length).toBeGreaterThan(20);
      expect(checkObject ?? checkStack).toBeDefined();
      expect(checkObject === undefined || reads !== undefined).toBe(true);
    }
  });

  test("each claim to catch something", () => {
    expect(Object.keys(mutations).sort()).toEqual(guardrails.map(({ name }) => name).sort());
  });
});

describe.each(guardrails.map((guardrail) => [guardrail.name, guardrail] as const))(
  "%s",
  (name, guardrail: Guardrail) => {
    test.each(mutations[name] ?? [])("catches $what", ({ change, says, verdict = "fail" }) => {
      const [result] = judge([guardrail], change(goodFacts()));
      expect(result?.verdict).toBe(verdict);
      expect(result?.violations.map(({ where, message }) => `${where} ${message}`).join("\n")).toMatch(says);
    });

    test.each(guardrail.blocksOff ? [] : (mutations[name] ?? []))(
      "only warns of $what while auth is off",
      ({ change }) => {
        const facts = change(goodFacts());
        const [result] = judge([guardrail], { ...facts, config: { ...facts.config, auth: false } });
        expect(result?.verdict).toBe("warn");
      },
    );
  },
);

describe("what must not be caught", () => {
  const verdictOf = (name: string, change: (facts: Facts) => Facts) =>
    judge(
      guardrails.filter((g) => g.name === name),
      change(goodFacts()),
    )[0]?.verdict;

  test.each([
    ["no-broad-auth-rule", "a broad rule without authentication", withObject(policy({ authentication: undefined }))],
    [
      "no-broad-auth-rule",
      "a whole namespace, by its label",
      withObject(policy({ fromEndpoints: [{ matchLabels: { "k8s:io.kubernetes.pod.namespace": "web" } }] })),
    ],
    [
      "no-broad-auth-rule",
      "an object of another kind",
      withObject({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "x" },
        spec: { ingress: [{ authentication: { mode: "required" } }] },
      }),
    ],
    ["protected-namespaces", "a protected namespace in observe", withConfig("rollout.phases.kube-system=observe")],
    [
      "protected-namespaces",
      "a cluster-wide policy for one other namespace",
      withObject(clusterwide({ matchLabels: { "k8s:io.kubernetes.pod.namespace": "shop" } })),
    ],
    ["sqlite-single-server", "a budget that lets the server go", withObject(budget({ maxUnavailable: 1 }))],
    [
      "sqlite-single-server",
      "a budget for other pods",
      withObject(budget({ minAvailable: 1, selector: { matchLabels: { app: "db" } } })),
    ],
    ["trust-domain", "the first deployment", (facts: Facts): Facts => ({ ...facts, previous: {} })],
    ["ttl-coherence", "a lifetime in two units", ttl("default_x509_svid_ttl", "1h30m")],
  ])("%s passes %s", (name, _, change) => {
    expect(verdictOf(name, change)).toBe("pass");
  });

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
});
