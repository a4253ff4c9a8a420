import { describe, expect, test } from "vitest";
import type { Facts } from "../../policy/facts";
import { judge, type Guardrail } from "../../policy/guardrail";
import { guardrails } from "../../policy/guardrails";
import type { Previous } from "../../components/rollout/state";
import { goodFacts, helm, transitionFacts } from "../support/stacks";
import { budget, clusterwide, images, policy, ttl, withAuthOff, withConfig, withObject } from "./changes";
import { mutations } from "./mutations";

describe("the guardrails", () => {
  test("all pass on the stack apps as it is committed, with authentication on, but for advice about the version of Cilium", () => {
    const verdicts = judge(guardrails, goodFacts());
    expect(verdicts.filter(({ verdict }) => verdict !== "pass").map(({ guardrail }) => guardrail.name)).toEqual([
      "cilium-version",
    ]);
    expect(verdicts.flatMap(({ violations }) => violations.map(({ where }) => where))).toEqual([
      "zero-trust:cluster.cilium.version",
    ]);
  });

  test.each([
    { from: "on", auth: false },
    { from: "off", auth: true },
    { from: "new", auth: true },
    { from: "new", auth: false },
  ] as const)(
    "none fails on the change of the flag from $from to $auth, with Cilium as a release or not",
    (transition) => {
      for (const assignments of [[], helm, ["spire.install=bundled"], ["spire.agentNamespace=spire-agents"]]) {
        const verdicts = judge(guardrails, transitionFacts(transition, assignments));
        expect(verdicts.filter(({ verdict }) => verdict === "fail").map(({ violations }) => violations)).toEqual([]);
      }
    },
  );

  test("are named and explained: kebab case, what holds, what it prevents and where that was seen, how to put it right", () => {
    expect(new Set(guardrails.map(({ name }) => name)).size).toBe(guardrails.length);
    for (const { name, description, prevents, remediation, checkObject, checkStack, reads } of guardrails) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(description).toMatch(/^[A-Z].*\.$/);
      expect(prevents).toMatch(/ \([^)]+\)\.$/);
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
        // With authentication off there is nothing to consume or to resume, and a mesh does no harm.
        expect(result?.verdict).toBe(["auth-consumed", "no-clustermesh", "resume"].includes(name) ? "pass" : "warn");
      },
    );
  },
);

test.each(["one-step", "blast-radius"])("%s stops nothing that turns authentication off, and anything else", (name) => {
  const [mutation] = mutations[name] ?? [];
  const facts = withAuthOff(mutation?.change(goodFacts()) ?? goodFacts());
  const { previous } = facts;
  if (previous === "unknown" || !previous.state) throw new Error("there is no state");
  const verdictOf = (changed: Facts["previous"]) =>
    judge(
      guardrails.filter((guardrail) => guardrail.name === name),
      { ...facts, previous: changed },
    )[0]?.verdict;
  expect(verdictOf(previous)).toBe("warn");
  expect(verdictOf({ ...previous, state: { ...previous.state, auth: false } })).toBe("fail");
  // A first update that finds Cilium without authentication turns nothing off; where nobody knows what there is, it may.
  expect(verdictOf({ cilium: "off" })).toBe("fail");
  expect(verdictOf({})).toBe("warn");
});

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
    [
      "spire-needed",
      "SPIRE that goes once authentication is off",
      (facts: Facts): Facts => {
        const [changed, { state }] = [
          withConfig("spire.install=bundled", "auth=false")(facts),
          facts.previous as Previous,
        ];
        return { ...changed, previous: state ? { state: { ...state, auth: false } } : {} };
      },
    ],
    [
      "evidence",
      "a namespace that has been in require, though its evidence is old or gone",
      (facts: Facts): Facts => ({
        ...withConfig("rollout.greenfield=[]")(facts),
        stack: { ...facts.stack, evidence: () => ["it is old"] },
      }),
    ],
    [
      "one-stack",
      "stack files whose clusters are not known yet",
      (facts: Facts): Facts => ({
        ...facts,
        stack: {
          name: "apps",
          peers: [{ name: "infra", trustDomain: "x.corp", identity: facts.config.cluster.identity }],
        },
      }),
    ],
    ["trust-domain", "the first deployment", (facts: Facts): Facts => ({ ...facts, previous: {} })],
    ["ttl-coherence", "a lifetime in two units", ttl("default_x509_svid_ttl", "1h30m")],
    ["images-pinned", "a digest without a version", images(":1.15.3", "")],
    ["images-pinned", "a registry with a port", images("ghcr.io", "registry.corp:5000")],
    [
      "images-pinned",
      "a digest for every image where digests are required",
      withConfig("spire.images.requireDigests=true"),
    ],
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
