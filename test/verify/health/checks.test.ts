import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../config/load";
import { readStackFile } from "../../../config/stackFile";
import { configOf, root } from "../../support/stacks";
import {
  agentFile,
  attested,
  configMap,
  entries,
  pods,
  policies,
  read,
  serverFile,
  spiffeIds,
  staticEntries,
  workload,
} from "../../../verify/health/answers";
import { answerOf } from "../../../verify/health/askAgents";
import type { Facts } from "../../../verify/health/facts";
import { changesOf, checks, exitCodeOf, firstOf, judge } from "../../../verify/health/judge";
import {
  attestedOf,
  bundleOf,
  ciliumConfig,
  container,
  entriesOf,
  entryObjects,
  healthy,
  inspected,
  iso,
  known,
  managedBy,
  now,
  podOf,
  podsOf,
  policiesIn,
  policiesOf,
  state,
  staticEntryObjects,
  staticOf,
} from "./healthy";

const hours = 3_600_000;

type Change = { readonly [K in keyof Facts]?: K extends "spire" | "cilium" ? Partial<Facts[K]> : Facts[K] };
const changed = (change: Change, facts = healthy()): Facts => ({
  ...facts,
  ...change,
  spire: { ...facts.spire, ...change.spire },
  cilium: { ...facts.cilium, ...change.cilium },
});

const verdictsOf = (facts: Facts) => Object.fromEntries(judge(facts).map(({ check, verdict }) => [check, verdict]));
const notOk = (facts: Facts) => judge(facts).filter(({ verdict }) => verdict !== "ok" && verdict !== "skip");

describe("in health", () => {
  test("every check is made, in a fixed order, and is well", () => {
    const findings = judge(healthy());
    expect(findings.map(({ check }) => check)).toEqual([...checks.map(({ name }) => name), "flows orders"]);
    expect(findings.filter(({ verdict }) => verdict !== "ok")).toEqual([]);
    expect(exitCodeOf(findings, true)).toBe(0);
    expect(firstOf(findings)).toBeUndefined();
  });

  test("with authentication off nothing fails, and what is about authentication is skipped", () => {
    const facts = healthy({ auth: false });
    expect(notOk(facts)).toEqual([]);
    expect(verdictsOf(facts)).toMatchObject({
      "cilium-flags": "ok",
      "cilium-config": "skip",
      "cilium-certificates": "skip",
      "handshake-port": "skip",
      identities: "skip",
      policies: "ok",
      demands: "ok",
    });
  });

  test("where nobody knows what was recorded, a namespace that is not as far as the stack file says is no fault", () => {
    const facts = changed({ recorded: { because: "Pulumi's CLI is not here" } }, healthy({ phase: "allow" }));
    expect(verdictsOf(facts)).toMatchObject({ recorded: "unknown", policies: "warn", "spire-server": "ok" });
    expect(exitCodeOf(judge(facts, ["recorded", "policies-realised"]), false)).toBe(0);
  });

  test("what is left out is not looked at", () => {
    expect(judge(healthy(), ["hubble", "alerts"]).map(({ check }) => check)).not.toEqual(
      expect.arrayContaining(["hubble"]),
    );
  });
});

const crashing = {
  ready: false,
  state: { waiting: { reason: "CrashLoopBackOff" } },
  lastState: { terminated: { reason: "Error", exitCode: 1 } },
};
const serverPod = (server: object, manager: object = {}) =>
  podsOf(
    podOf("spire-server-0", "node1", [
      container("spire-server", server),
      container("spire-controller-manager", manager),
    ]),
  );
const agents = (change: Readonly<Record<string, unknown>>, dialled = ""): Facts["cilium"]["agents"] => ({
  known: [
    answerOf("node1", { known: inspected() }, { known: "" }),
    answerOf("node2", { known: inspected(change) }, { known: dialled }),
  ],
});
const endpoint = (realized: object, revision = 7) =>
  JSON.stringify([
    {
      id: 2,
      status: {
        "external-identifiers": { "k8s-namespace": "orders", "k8s-pod-name": "api" },
        policy: { realized, spec: { "policy-revision": revision } },
      },
    },
  ]);
const file = (name: string, key: string, text: string) =>
  read(configMap, { metadata: { name }, data: { [key]: text } });
const edited = (
  edit: (policy: { specs: { ingress: object[] }[]; metadata: object; status: object }) => object | undefined,
) =>
  policiesOf(
    ...(policiesIn("require") as Parameters<typeof edit>[0][]).flatMap((policy, i) =>
      i === 0 ? (edit(policy) ?? []) : policy,
    ),
  );
const foreignRule = {
  metadata: { name: "theirs", namespace: "shop" },
  spec: { endpointSelector: {}, ingress: [{ authentication: { mode: "required" } }] },
};
const seen = (denied: Readonly<Record<string, number>>, named = true): Facts["flows"] => ({
  known: {
    orders: {
      known: {
        lines: [{ from: "web/frontend", to: "app=api, TCP port 8080", authenticated: 0, allowed: 0, denied, named }],
        silent: [],
        lost: 0,
      },
    },
  },
});

/** What is broken, the check that names it first, how, and what it says. */
const faults: [fault: string, change: Change, check: string, verdict: string, saw: RegExp, remedy: RegExp][] = [
  [
    "the cluster is another one",
    { uid: { known: "11111111-1111-1111-1111-111111111111" } },
    "cluster",
    "fail",
    /leads to the cluster 1111.*belongs to 0000/,
    /pulumi config set --stack apps --path cluster\.identity 1111/,
  ],
  [
    "the cluster does not answer",
    { uid: { because: "connect ECONNREFUSED" } },
    "cluster",
    "fail",
    /cannot be reached \(connect ECONNREFUSED\)/,
    /kubectl --context apps get namespace/,
  ],
  [
    "nobody may say which cluster it is",
    { uid: { because: "the API server answered 403" } },
    "cluster",
    "unknown",
    /nobody could say which cluster/,
    /--rights/,
  ],
  [
    "SPIRE's server is scaled down",
    {
      spire: {
        statefulSet: read(workload, { metadata: { name: "spire-server" }, spec: { replicas: 0, template: {} } }),
      },
    },
    "spire-server",
    "fail",
    /scaled to 0/,
    /scale statefulset\/spire-server --replicas=1/,
  ],
  [
    "SPIRE's server crashes",
    { spire: { pods: serverPod(crashing) } },
    "spire-server",
    "fail",
    /0 of 1 ready; spire-server-0 is not ready: CrashLoopBackOff, ended with 1 \(Error\)/,
    /logs spire-server-0 --container spire-server --previous/,
  ],
  [
    "SPIRE's server is gone",
    { spire: { statefulSet: { known: undefined } } },
    "spire-server",
    "fail",
    /no StatefulSet spire\/spire-server/,
    /pulumi up --refresh/,
  ],
  [
    "SPIRE's controller-manager crashes",
    { spire: { pods: serverPod({}, crashing) } },
    "spire-controller-manager",
    "fail",
    /CrashLoopBackOff/,
    /--container spire-controller-manager --previous/,
  ],
  [
    "the controller-manager can make no entry of a registration",
    {
      spire: {
        staticEntries: staticOf(staticEntryObjects().map((object) => ({ ...object, status: { rendered: false } }))),
      },
    },
    "spire-controller-manager",
    "fail",
    /no entry can be made of it/,
    /logs spire-server-0/,
  ],
  [
    "the controller-manager says nothing",
    { spire: { staticEntries: staticOf(staticEntryObjects().map((object) => ({ ...object, status: {} }))) } },
    "spire-controller-manager",
    "warn",
    /said nothing yet of ClusterStaticEntry cilium-node-alias/,
    /logs/,
  ],
  [
    "Cilium's operator is no admin",
    { spire: { serverFile: file("spire-server", "server.conf", '{"server":{"trust_domain":"apps.zt.internal"}}') } },
    "spire-rights",
    "fail",
    /does not have spiffe:\/\/apps\.zt\.internal\/cilium-operator in admin_ids/,
    /pulumi up --refresh/,
  ],
  [
    "Cilium's agents are no delegates",
    {
      spire: {
        agentFile: file(
          "spire-agent",
          "agent.conf",
          '{"agent":{"trust_domain":"apps.zt.internal","authorized_delegates":[]}}',
        ),
      },
    },
    "spire-rights",
    "fail",
    /cilium-agent in authorized_delegates/,
    /pulumi up --refresh/,
  ],
  [
    "the bundle is deleted",
    { spire: { bundle: { known: undefined } } },
    "spire-bundle",
    "fail",
    /no ConfigMap spire\/spire-bundle/,
    /rollout restart statefulset\/spire-server/,
  ],
  [
    "the bundle is no bundle",
    { spire: { bundle: file("spire-bundle", "bundle.spiffe", "{}") } },
    "spire-bundle",
    "fail",
    /has no bundle/,
    /rollout restart/,
  ],
  [
    "the CA has ended",
    { spire: { bundle: file("spire-bundle", "bundle.spiffe", bundleOf(-1)) } },
    "spire-bundle",
    "fail",
    /its last authority ended at 2026-11-28T11:00:00Z/,
    /logs/,
  ],
  [
    "the CA ends soon, and there is no next one",
    { spire: { bundle: file("spire-bundle", "bundle.spiffe", bundleOf(20)) } },
    "spire-bundle",
    "warn",
    /ends in 20 h, and there is no next one yet/,
    /logs/,
  ],
  [
    "SPIRE's agent is missing on a node",
    { spire: { agentPods: podsOf(podOf("spire-agent-x0", "node1", [container("spire-agent")])) } },
    "spire-agents",
    "fail",
    /Cilium runs on node2, but no SPIRE agent is ready there/,
    /get pods --output wide/,
  ],
  [
    "an entry is deleted",
    { spire: { staticEntries: staticOf(staticEntryObjects().slice(1)) } },
    "cilium-entries",
    "fail",
    /no ClusterStaticEntry cilium-node-alias/,
    /pulumi up --refresh/,
  ],
  [
    "an entry is edited",
    {
      spire: {
        staticEntries: staticOf(
          staticEntryObjects().map((object) => ({
            ...object,
            spec: { ...(object as unknown as { spec: object }).spec, selectors: ["k8s:ns:default"] },
          })),
        ),
      },
    },
    "cilium-entries",
    "fail",
    /cilium-agent is not as it was written/,
    /pulumi up --refresh/,
  ],
  [
    "SPIRE has not made an entry",
    { spire: { entries: entriesOf(entryObjects().slice(1)) } },
    "cilium-entries",
    "fail",
    /SPIRE has no entry of cilium-node-alias/,
    /entry show/,
  ],
  [
    "both flags are off",
    { cilium: { config: ciliumConfig(false, { "mesh-auth-mutual-enabled": "false" }) } },
    "cilium-flags",
    "fail",
    /mesh-auth-enabled is false, written by helm and mesh-auth-mutual-enabled is false/,
    /flux --context apps reconcile/,
  ],
  [
    "one flag is off without the other",
    {
      cilium: {
        config: ciliumConfig(true, { "mesh-auth-mutual-enabled": "false" }, [
          managedBy("kubectl-edit", ["mesh-auth-mutual-enabled"], now - hours),
        ]),
      },
    },
    "cilium-flags",
    "fail",
    /one flag without the other: mesh-auth-mutual-enabled is false, written by kubectl-edit/,
    /flux/,
  ],
  [
    "somebody else changed Cilium's configuration",
    {
      cilium: {
        config: ciliumConfig(true, { "mesh-auth-spiffe-trust-domain": "other" }, [
          managedBy("kubectl-edit", ["mesh-auth-spiffe-trust-domain"], now - 4.5 * hours),
        ]),
      },
    },
    "cilium-config",
    "fail",
    /mesh-auth-spiffe-trust-domain is other, written by kubectl-edit; wanted: apps\.zt\.internal/,
    /flux/,
  ],
  [
    "somebody else owns a key that is as wanted",
    { cilium: { config: ciliumConfig(true, {}, [managedBy("kubectl-edit", ["mesh-auth-enabled"], now - 5 * hours)]) } },
    "cilium-owners",
    "warn",
    /kubectl-edit wrote mesh-auth-enabled/,
    /--show-managed-fields/,
  ],
  [
    "an agent has started with another configuration",
    { cilium: { agents: agents({ config: "mesh-auth-enabled=true" }) } },
    "cilium-rolled",
    "fail",
    /the agent on node2 has started with mesh-auth-mutual-enabled missing/,
    /rollout restart daemonset\/cilium/,
  ],
  [
    "Cilium is older than its configuration",
    {
      cilium: {
        config: ciliumConfig(true, {}, [managedBy("helm", ["mesh-auth-gc-interval"], now - hours)]),
        agents: { known: [] },
      },
    },
    "cilium-rolled",
    "fail",
    /older than their configuration, which was written at 2026-11-28T11:00:00Z: cilium-y0, cilium-y1, cilium-operator-z/,
    /rollout restart/,
  ],
  [
    "Cilium is rolling",
    {
      cilium: {
        agent: read(workload, {
          metadata: { name: "cilium" },
          spec: { template: { spec: { volumes: [{ name: "spire-agent-socket" }] } } },
          status: { desiredNumberScheduled: 2, updatedNumberScheduled: 1 },
        }),
      },
    },
    "cilium-rolled",
    "fail",
    /has rolled 1 of 2 pods/,
    /rollout status/,
  ],
  [
    "the port of the handshake is closed",
    { cilium: { agents: agents({}, "10.0.0.1\n") } },
    "handshake-port",
    "fail",
    /TCP 4250.*from node2 to 10\.0\.0\.1/,
    /TCP 4250/,
  ],
  [
    "SPIRE gives an agent no certificates",
    { cilium: { agents: agents({ status: '{"auth-certificate-provider":{"state":"Failure","msg":"no socket"}}' }) } },
    "cilium-certificates",
    "fail",
    /no certificates to Cilium's agent on node2 \(no socket\)/,
    /cilium-dbg status/,
  ],
  [
    "an identity has no entry",
    { spire: { entries: entriesOf(entryObjects().slice(0, -1)) } },
    "identities",
    "fail",
    /of 2 identities 1 have no entry in SPIRE that has settled: 102 \(orders\)/,
    /rollout restart deployment\/cilium-operator/,
  ],
  [
    "the SVID of SPIRE's agent has ended",
    { spire: { attested: attestedOf({ node1: now + hours, node2: now - hours }) } },
    "svids",
    "fail",
    /the SVID of SPIRE's agent has ended: node2 at 2026-11-28T11:00:00Z/,
    /rollout restart daemonset\/spire-agent/,
  ],
  [
    "SPIRE's agent does not renew its SVID",
    { spire: { attested: attestedOf({ node1: now + 3 * hours, node2: now + 0.5 * hours }) } },
    "svids",
    "warn",
    /on node2 should have been renewed by now/,
    /logs daemonset\/spire-agent/,
  ],
  [
    "SPIRE's server knows no agent of a node",
    { spire: { attested: attestedOf({ node1: now + 3 * hours }) } },
    "svids",
    "fail",
    /knows no agent on node2/,
    /spire-agent/,
  ],
  [
    "identities' SVIDs have ended",
    {
      cilium: {
        agents: agents({
          pairs: JSON.stringify([{ LocalIdentity: 101, RemoteIdentity: 102, Expiration: iso(now - hours) }]),
        }),
      },
    },
    "svids",
    "fail",
    /1 of 2 authenticated pairs of identities have ended with their SVIDs, on node2/,
    /spire-agent/,
  ],
  [
    "a policy is deleted",
    { cilium: { policies: edited(() => undefined) } },
    "policies",
    "fail",
    /no CiliumNetworkPolicy orders\/zero-trust/,
    /pulumi up --refresh/,
  ],
  [
    "a policy is edited",
    {
      cilium: {
        policies: edited((policy) => ({
          ...policy,
          specs: policy.specs.map((spec, i) =>
            i > 0 ? spec : { ...spec, ingress: [{ ...spec.ingress[0], authentication: { mode: "disabled" } }] },
          ),
        })),
      },
    },
    "policies",
    "fail",
    /was changed at specs\[0\]\.ingress\[0\]\.authentication\.mode/,
    /pulumi up --refresh/,
  ],
  [
    "a policy of ours is in no stack file",
    {
      cilium: {
        policies: policiesOf(...policiesIn("require"), {
          metadata: { name: "old", namespace: "orders", labels: { "app.kubernetes.io/managed-by": "zero-trust" } },
          spec: {},
        }),
      },
    },
    "policies",
    "warn",
    /orders\/old is of this program/,
    /pulumi up/,
  ],
  [
    "a policy is refused",
    {
      cilium: {
        policies: edited((policy) => ({
          ...policy,
          status: { conditions: [{ type: "Valid", status: "False", message: "bad port" }] },
        })),
      },
    },
    "policies-valid",
    "fail",
    /Cilium refuses orders\/zero-trust: bad port/,
    /get ciliumnetworkpolicies/,
  ],
  [
    "a policy of somebody else's is refused",
    {
      cilium: {
        policies: policiesOf(...policiesIn("require"), {
          metadata: { name: "theirs", namespace: "shop" },
          spec: {},
          status: { conditions: [{ type: "Valid", status: "False" }] },
        }),
      },
    },
    "policies-valid",
    "warn",
    /shop\/theirs/,
    /describe/,
  ],
  [
    "an endpoint has not realised its policy",
    { cilium: { agents: agents({ endpoints: endpoint({ "policy-revision": 6, "policy-enabled": "ingress" }) }) } },
    "policies-realised",
    "fail",
    /orders\/api on node2 has revision 6 of 7/,
    /endpoint list/,
  ],
  [
    "an endpoint enforces nothing",
    { cilium: { agents: agents({ endpoints: endpoint({ "policy-revision": 7, "policy-enabled": "none" }) }) } },
    "policies-realised",
    "fail",
    /orders\/api on node2 enforces nothing/,
    /endpoint list/,
  ],
  [
    "a node demands nothing",
    { cilium: { agents: agents({ demanding: "0" }) } },
    "policies-realised",
    "fail",
    /node2 has pods of a namespace in require, and demands authentication of nobody/,
    /endpoint list/,
  ],
  [
    "somebody else's policy demands authentication",
    { cilium: { policies: policiesOf(...policiesIn("require"), foreignRule) } },
    "demands",
    "warn",
    /CiliumNetworkPolicy shop\/theirs demands authentication, and is not of this stack/,
    /write it as an intent/,
  ],
  [
    "the stack file is ahead of the cluster",
    { recorded: { known: state({ phase: "allow" }) }, cilium: { policies: policiesOf(...policiesIn("allow")) } },
    "recorded",
    "warn",
    /orders is allow, and the stack file says require/,
    /pulumi up/,
  ],
  [
    "nobody is told",
    { untold: { known: ["callers whom Cilium drops"] } },
    "alerts",
    "warn",
    /alerts of callers whom Cilium drops/,
    /docs\/operating\.md/,
  ],
  [
    "Hubble cannot be reached",
    { flows: { because: "Hubble's relay cannot be looked for" } },
    "hubble",
    "unknown",
    /relay cannot be looked for/,
    /hubble\.relay\.enabled.*--server/,
  ],
  [
    "Hubble does not hear a node",
    { flows: { known: { orders: { known: { lines: [], silent: ["node2"], lost: 0 } } } } },
    "hubble",
    "warn",
    /does not hear node2/,
    /--server/,
  ],
  [
    "a caller whom an intent names gets no answer",
    { flows: seen({ "authentication required": 5 }) },
    "flows orders",
    "fail",
    /0 authenticated, 0 allowed without, 5 dropped; an intent names who got no answer: web\/frontend to app=api, TCP port 8080 \(authentication required\)/,
    /pulumi config set auth false --stack apps/,
  ],
  [
    "a caller's first packet was dropped",
    { flows: seen({ "authentication required": 1 }) },
    "flows orders",
    "warn",
    /an intent names who got no answer/,
    /checks of entries/,
  ],
  [
    "the policy drops a caller whom an intent names",
    { flows: seen({ "policy denied": 5 }) },
    "flows orders",
    "fail",
    /\(policy denied\)/,
    /--namespace orders/,
  ],
];

describe("a fault is named first, and what to do about it is said", () => {
  test.each(faults)("%s", (_, change, check, verdict, saw, remedy) => {
    const findings = judge(changed(change));
    const first = firstOf(findings) ?? expect.fail("nothing was found");
    expect({ check: first.check, verdict: first.verdict }).toEqual({ check, verdict });
    expect(first.saw).toMatch(saw);
    expect(first.remedy).toMatch(remedy);
    expect(exitCodeOf(findings, false)).toBe(verdict === "warn" ? 0 : 1);
    expect(exitCodeOf(findings, true)).toBe(1);
  });

  test("with authentication off: what still demands it, in a policy and on a node", () => {
    const facts = healthy({ auth: false });
    const off = changed({ cilium: { policies: policiesOf(...policiesIn("allow"), foreignRule) } }, facts);
    expect(firstOf(judge(off))).toMatchObject({
      check: "demands",
      verdict: "fail",
      remedy: expect.stringMatching(/authentication block out of CiliumNetworkPolicy shop\/theirs/) as string,
    });
    const demanding = changed(
      {
        cilium: {
          agents: { known: [answerOf("node1", { known: inspected({ auth: false, demanding: "3" }) }, { known: "" })] },
        },
      },
      facts,
    );
    expect(firstOf(judge(demanding))).toMatchObject({
      check: "policies-realised",
      saw: "node1 enforces 3 rules that demand authentication, which is off",
    });
    const on = changed({ cilium: { config: ciliumConfig(true) } }, facts);
    expect(firstOf(judge(on))).toMatchObject({
      check: "cilium-flags",
      saw: expect.stringMatching(/authentication was left off/) as string,
    });
  });

  test("every check has a fault that it names", () => {
    expect([...new Set(faults.map(([, , check]) => check))].sort()).toEqual(
      [...checks.map(({ name }) => name), "flows orders"].sort(),
    );
  });
});

describe("what could not be seen is never well", () => {
  const gone = { because: "the API server answered 403" };
  const paths = [
    ...Object.keys(healthy().spire).map((key) => ["spire", key] as const),
    ...Object.keys(healthy().cilium).map((key) => ["cilium", key] as const),
    ...(["recorded", "untold", "flows", "uid"] as const).map((key) => [key, undefined] as const),
  ];
  test.each(paths)("%s %s: some check says unknown and why, and nothing else fails for it", (part, key) => {
    const facts = healthy();
    const without =
      key === undefined
        ? { ...facts, [part]: gone }
        : { ...facts, [part]: { ...(facts[part] as object), [key]: gone } };
    const findings = notOk(without);
    expect(findings.length).toBeGreaterThan(0);
    for (const finding of findings) {
      expect(finding.verdict).toBe("unknown");
      expect(finding.saw).toContain("answered 403");
      expect(finding.remedy).toContain("npm run verify -- --stack apps --rights");
    }
    expect(exitCodeOf(findings, false)).toBe(1);
  });

  test("an agent that does not answer", () => {
    const facts = changed({
      cilium: {
        agents: {
          known: [
            answerOf("node1", { known: inspected() }, { known: "" }),
            answerOf("node2", { because: "no answer in time" }, { because: "no answer in time" }),
          ],
        },
      },
    });
    expect(verdictsOf(facts)).toMatchObject({
      "cilium-certificates": "unknown",
      "handshake-port": "unknown",
      "policies-realised": "unknown",
    });
  });

  test("SPIRE's agents, where they are told by something else than their nodes' names, are counted", () => {
    const agents = (...ends: number[]) => {
      const answer = {
        agents: ends.map((end, i) => ({
          id: { path: `/spire/agent/x509pop/${i}` },
          x509svid_expires_at: String(Math.floor(end / 1000)),
        })),
      };
      return verdictsOf(changed({ spire: { attested: { known: known(read(attested, answer)).agents } } }))["svids"];
    };
    expect(agents(now + 3 * hours, now + 3 * hours, now - 9 * hours)).toBe("ok");
    expect(agents(now + 3 * hours, now - hours)).toBe("fail");
  });

  test("another cluster: nothing in it is judged", () => {
    const findings = judge(changed({ uid: { known: "other" } }));
    for (const { check, verdict } of findings)
      if (!["cluster", "recorded"].includes(check)) expect(verdict).toBe("unknown");
  });
});

describe("what is not of a stack is skipped, and said", () => {
  const of = (...assignments: string[]) => {
    const findings = judge({ ...healthy(), config: configOf("apps", ...assignments) });
    return Object.fromEntries(findings.map(({ check, verdict, saw }) => [check, { verdict, saw }]));
  };

  test("an external SPIRE", () => {
    const findings = of("spire.install=external", "spire.external.serverAddress=spire-server.spire.svc:8081");
    expect(findings["spire-server"]).toEqual({ verdict: "skip", saw: "SPIRE is external: its owners look after it" });
    expect(findings["cilium-certificates"]?.verdict).toBe("ok");
  });

  test.each(["istio", "linkerd"])("Cilium and SPIRE, where %s authenticates", (mesh) => {
    const { auth, trustDomain, cluster, rollout, access } = readStackFile(root, "apps");
    const { cilium: _, ...others } = cluster as Record<string, unknown>;
    const values = { auth, trustDomain, rollout, access, cluster: others, spire: { install: "none" } };
    const config = loadConfig({ ...values, mesh: { [mesh]: {} } }, "apps");
    const recorded = { known: state({ phase: "require" }) };
    const findings = judge({ ...healthy(), config, recorded });
    expect(findings.filter(({ verdict }) => verdict !== "skip").map(({ check }) => check)).toEqual([
      "cluster",
      "recorded",
    ]);
    expect(findings[1]?.saw).toBe(
      `${mesh === "istio" ? "Istio" : "Linkerd"} authenticates in this stack, not Cilium with SPIRE`,
    );
    expect(exitCodeOf(findings, true)).toBe(0);
  });

  test("Cilium alone, where SPIRE signs for Istio: SPIRE is looked at, and asked for nothing of Cilium's", () => {
    const { auth, trustDomain, cluster, rollout } = readStackFile(root, "apps");
    const { cilium: _, ...others } = cluster as Record<string, unknown>;
    const spire = { csi: {}, workloads: [{ name: "mesh", namespaces: ["orders"] }] };
    const config = loadConfig({ auth, trustDomain, rollout, cluster: others, spire, mesh: { istio: {} } }, "apps");
    const not = { because: "another mesh authenticates" };
    const facts = healthy();
    const cilium = Object.fromEntries(Object.keys(facts.cilium).map((key) => [key, not])) as unknown as Facts["cilium"];
    const looked = {
      ...facts,
      config,
      cilium,
      untold: not,
      flows: not,
      recorded: { known: state({ phase: "require" }) },
    };
    const verdicts = Object.fromEntries(judge(looked).map(({ check, verdict, saw }) => [check, { verdict, saw }]));
    for (const name of ["spire-server", "spire-rights", "spire-bundle", "spire-agents", "svids"])
      expect([name, verdicts[name]?.verdict]).toEqual([name, "ok"]);
    expect(verdicts["cilium-flags"]).toEqual({ verdict: "skip", saw: "Istio authenticates in this stack, not Cilium" });
    expect(verdicts["cilium-entries"]?.verdict).toBe("skip");
    const away = { ...looked, spire: { ...looked.spire, statefulSet: { known: undefined } } };
    expect(judge(away).find(({ check }) => check === "spire-server")?.verdict).toBe("fail");
  });

  test("a SPIRE that is not there, with Cilium's ztunnel: Cilium is looked at all the same", () => {
    const findings = of(
      ...['mesh={"ztunnel":{"experimental":true}}', "auth=false", "access=[]", "rollout.phases.orders=observe"],
      "spire.install=none",
    );
    expect(findings["spire-server"]).toEqual({ verdict: "skip", saw: "there is no SPIRE in this stack" });
    expect(findings["cilium-rolled"]?.verdict).toBe("ok");
  });

  test("SPIRE in Cilium's chart", () => {
    const findings = of("spire.install=bundled");
    expect(findings["spire-bundle"]?.verdict).toBe("skip");
    expect(findings["spire-server"]?.verdict).toBe("ok");
    expect(findings["cilium-entries"]?.verdict).toBe("ok");
  });
});

describe("what changed between two looks", () => {
  test("is each other verdict, and what is seen of what is not well", () => {
    const [before, after] = [judge(healthy()), judge(changed({ spire: { pods: serverPod(crashing) } }))];
    expect(changesOf(before, before)).toEqual([]);
    expect(
      changesOf(before, after).map(({ before, after }) => [after?.check, before?.verdict, after?.verdict]),
    ).toEqual([["spire-server", "ok", "fail"]]);
    expect(changesOf(after, before).map(({ after }) => after?.verdict)).toEqual(["ok"]);
  });
});

describe("no answer, whatever its shape, makes a check throw", () => {
  const anything = fc.oneof(fc.jsonValue(), fc.object({ maxDepth: 4 }));
  const schemas = {
    configMap,
    workload,
    pods,
    policies,
    staticEntries,
    spiffeIds,
    entries,
    attested,
    serverFile,
    agentFile,
  };

  /** A value like another, of which something somewhere is something else. */
  const mutated = (value: unknown): fc.Arbitrary<unknown> =>
    fc.oneof(
      { weight: 1, arbitrary: anything },
      {
        weight: 3,
        arbitrary:
          typeof value === "object" && value !== null && Object.keys(value).length > 0
            ? fc
                .constantFrom(...Object.keys(value))
                .chain((key) =>
                  mutated((value as Record<string, unknown>)[key]).map((part) =>
                    Array.isArray(value)
                      ? value.map((old: unknown, i) => (String(i) === key ? part : old))
                      : { ...value, [key]: part },
                  ),
                )
            : anything,
      },
    );

  test("an answer is read, or it is said that it cannot be", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(schemas)), anything, (schema, value) => {
        const answer = read(schema, value);
        expect("known" in answer || /cannot be read/.test(answer.because)).toBe(true);
      }),
    );
  });

  test.each([
    [
      "policies",
      policies,
      { items: policiesIn("require") },
      (value: unknown) => ({ cilium: { policies: items(read(policies, value)) } }),
    ],
    [
      "static entries",
      staticEntries,
      { items: staticEntryObjects() },
      (value: unknown) => ({ spire: { staticEntries: items(read(staticEntries, value)) } }),
    ],
    [
      "pods",
      pods,
      { items: [podOf("spire-server-0", "node1", [container("spire-server")])] },
      (value: unknown) => ({
        spire: { pods: items(read(pods, value)), agentPods: items(read(pods, value)) },
        cilium: { agentPods: items(read(pods, value)) },
      }),
    ],
    [
      "configuration",
      configMap,
      {
        metadata: { name: "cilium-config", managedFields: [managedBy("x", ["mesh-auth-enabled"], now)] },
        data: { "mesh-auth-enabled": "true" },
      },
      (value: unknown) => ({
        cilium: { config: read(configMap, value) },
        spire: {
          bundle: read(configMap, value),
          serverFile: read(configMap, value),
          agentFile: read(configMap, value),
        },
      }),
    ],
    [
      "workloads",
      workload,
      {
        metadata: { name: "cilium" },
        spec: { template: { spec: { volumes: [{ name: "x" }] } } },
        status: { desiredNumberScheduled: 1 },
      },
      (value: unknown) => ({
        cilium: { agent: read(workload, value), operator: read(workload, value) },
        spire: { statefulSet: read(workload, value), daemonSet: read(workload, value) },
      }),
    ],
  ] as const)("%s", (_, schema, good, change) => {
    expect(read(schema, good)).toHaveProperty("known");
    fc.assert(
      fc.property(mutated(good), (value) => {
        const findings = judge(changed(change(value)));
        expect(findings.length).toBeGreaterThanOrEqual(checks.length);
      }),
    );
  });

  test("what an agent writes", () => {
    const parts = fc.dictionary(
      fc.constantFrom("status", "config", "pairs", "endpoints", "demanding"),
      fc.oneof(
        anything.map((value) => JSON.stringify(value)),
        fc.string(),
      ),
    );
    fc.assert(
      fc.property(parts, fc.string(), (parts, dialled) => {
        const answer = answerOf("node1", { known: inspected(parts) }, { known: dialled });
        judge(changed({ cilium: { agents: { known: [answer] } } }));
      }),
    );
  });

  const items = <T>(answer: { known: { items: T } } | { because: string }) =>
    "known" in answer ? { known: known(answer).items } : answer;
});
