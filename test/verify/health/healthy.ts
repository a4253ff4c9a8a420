import { generateKeyPairSync } from "node:crypto";
import forge from "node-forge";
import { expect } from "vitest";
import { spireArgs } from "../../../plan/args";
import { ciliumAuthPolicyObjects } from "../../../components/access/cilium/policies";
import type { Phase } from "../../../core/schema/schema";
import { agentConfiguration, serverConfiguration } from "../../../components/spire/configuration";
import { ownEntries } from "../../../components/spire/registration/registration";
import type { RolloutState } from "../../../core/rollout/state";
import {
  attested,
  configMap,
  entries,
  pods,
  policies,
  read,
  spiffeIds,
  staticEntries,
  workload,
  type Asked,
} from "../../../verify/health/answers";
import { answerOf } from "../../../verify/health/askAgents";
import type { Facts } from "../../../verify/health/facts";
import { configOf } from "../../support/stacks";

export const now = Date.parse("2026-11-28T12:00:00Z");
const hours = 3_600_000;
export const iso = (milliseconds: number) => new Date(milliseconds).toISOString();
const at = (milliseconds: number) => String(Math.floor(milliseconds / 1000));

/** What is known of an answer that can be read. */
export const known = <T>(asked: Asked<T>): T => ("known" in asked ? asked.known : expect.fail(asked.because));

/** A bundle with authorities that end after so many hours, of a life of 168. */
export function bundleOf(...ends: readonly number[]): string {
  const { privateKey, publicKey } = keys;
  const x5c = ends.map((end) => {
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = publicKey;
    certificate.validity.notAfter = new Date(now + end * hours);
    certificate.validity.notBefore = new Date(now + (end - 168) * hours);
    certificate.sign(privateKey, forge.md.sha256.create());
    return Buffer.from(forge.asn1.toDer(forge.pki.certificateToAsn1(certificate)).getBytes(), "binary").toString(
      "base64",
    );
  });
  return JSON.stringify({ keys: x5c.map((der) => ({ kty: "RSA", use: "x509-svid", x5c: [der] })) });
}

const pair = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const keys = {
  privateKey: forge.pki.privateKeyFromPem(pair.privateKey),
  publicKey: forge.pki.publicKeyFromPem(pair.publicKey),
};

export interface Kept {
  readonly auth?: boolean;
  readonly phase?: Phase;
}

export const managedBy = (manager: string, keys: readonly string[], time: number) => ({
  manager,
  time: iso(time),
  fieldsV1: { "f:data": Object.fromEntries(keys.map((key) => [`f:${key}`, {}])) },
});

/** What Cilium's ConfigMap says where it authenticates. */
export const authenticating = {
  "mesh-auth-enabled": "true",
  "mesh-auth-mutual-enabled": "true",
  "mesh-auth-spire-server-address": "spire-server.spire.svc:8081",
  "mesh-auth-spiffe-trust-domain": "apps.zt.internal",
  "mesh-auth-spire-admin-socket": "/run/spire/sockets/admin.sock",
  "mesh-auth-spire-agent-socket": "/run/spire/sockets/agent/agent.sock",
};

/** Cilium's ConfigMap, and who wrote it when. */
export function ciliumConfig(
  auth: boolean,
  data: Readonly<Record<string, string>> = {},
  managedFields: readonly object[] = [],
): Facts["cilium"]["config"] {
  const own = auth ? authenticating : { "mesh-auth-enabled": "false" };
  return read(configMap, {
    metadata: {
      name: "cilium-config",
      managedFields: [managedBy("helm", Object.keys(own), now - 5 * hours), ...managedFields],
    },
    data: { ...own, ...data },
  });
}

export const container = (name: string, more: object = {}) => ({
  name,
  ready: true,
  restartCount: 0,
  state: { running: { startedAt: iso(now - 4 * hours) } },
  ...more,
});

export const podOf = (name: string, nodeName: string, containers: readonly { ready: boolean }[]) => ({
  metadata: { name, labels: {} },
  spec: { nodeName },
  status: {
    phase: "Running",
    conditions: [{ type: "Ready", status: containers.every(({ ready }) => ready) ? "True" : "False" }],
    containerStatuses: containers,
  },
});

export const podsOf = (...items: readonly object[]) => ({ known: known(read(pods, { items })).items });

const workloadOf = (name: string, spec: object, status: object) =>
  read(workload, { metadata: { name, generation: 2 }, spec, status: { observedGeneration: 2, ...status } });

const template = (auth: boolean) => ({ spec: { volumes: auth ? [{ name: "spire-agent-socket" }] : [] } });

/** What an agent of Cilium's writes. */
export function inspected({
  auth = true,
  phase = "require",
  ...more
}: Kept & Readonly<Record<string, unknown>> = {}): string {
  const parts: Record<string, string> = {
    status: JSON.stringify({ "auth-certificate-provider": auth ? { state: "Ok", msg: "" } : { state: "Disabled" } }),
    config: Object.entries(known(ciliumConfig(auth))?.data ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join("\n"),
    pairs: JSON.stringify([{ LocalIdentity: 101, RemoteIdentity: 102, Expiration: iso(now + 2 * hours) }]),
    endpoints: JSON.stringify([
      { id: 1, status: { state: "ready" } },
      {
        id: 2,
        status: {
          state: "ready",
          "external-identifiers": { "k8s-namespace": "orders", "k8s-pod-name": "api" },
          policy: {
            realized: { "policy-revision": 7, "policy-enabled": "ingress" },
            spec: { "policy-revision": 7 },
          },
        },
      },
    ]),
    demanding: auth && phase === "require" ? "2" : "0",
    ...(more as Record<string, string>),
  };
  return Object.entries(parts)
    .map(([name, text]) => `@@${name}\n${text}\n`)
    .join("");
}

const config = configOf("apps");
const args = spireArgs(config, {});
export const managed = args?.install === "managed" ? args : expect.fail("no SPIRE is planned");

/** The policies of the namespace orders in a phase, as the API server has them. */
export function policiesIn(phase: Phase): object[] {
  if (phase === "off") return [];
  const intents = config.access;
  const objects = [...ciliumAuthPolicyObjects("", { namespace: "orders", phase, intents })];
  return objects.map(({ manifest }) => ({
    ...(JSON.parse(JSON.stringify(manifest)) as object),
    status: { conditions: [{ type: "Valid", status: "True" }] },
  }));
}

export const policiesOf = (...items: readonly object[]) => ({ known: known(read(policies, { items })).items });

export const staticOf = (objects: readonly object[]) => ({
  known: known(read(staticEntries, { items: objects })).items,
});
export const staticEntryObjects = () =>
  ownEntries(managed).map((object) => ({ ...object, status: { rendered: true, masked: false } }));

const entryOf = (path: string, parent: string, selectors: readonly string[], created = now - 5 * hours) => ({
  spiffe_id: { trust_domain: "apps.zt.internal", path },
  parent_id: { trust_domain: "apps.zt.internal", path: parent },
  selectors: selectors.map((text) => {
    const at = text.indexOf(":");
    return { type: text.slice(0, at), value: text.slice(at + 1) };
  }),
  x509_svid_ttl: 0,
  created_at: at(created),
});

export const entryObjects = () => [
  ...ownEntries(managed).map(({ spec }) => {
    const { spiffeID, parentID, selectors } = spec as { spiffeID: string; parentID: string; selectors: string[] };
    const path = (id: string) => new URL(id.replace("spiffe:", "http:")).pathname;
    return entryOf(path(spiffeID), path(parentID), selectors);
  }),
  ...["101", "102"].map((number) => entryOf(`/identity/${number}`, "/cilium-operator", ["cilium:mutual-auth"])),
];
export const entriesOf = (objects: readonly object[]) => ({
  known: known(read(entries, { entries: objects })).entries,
});

export const attestedOf = (ends: Readonly<Record<string, number>>) => ({
  known: known(
    read(attested, {
      agents: Object.entries(ends).map(([node, end]) => ({
        id: { path: `/spire/agent/k8s_psat/apps/${node}` },
        x509svid_expires_at: at(end),
        selectors: [{ type: "k8s_psat", value: `agent_node_name:${node}` }],
      })),
    }),
  ).agents,
});

export const state = ({ auth = true, phase = "require" }: Kept = {}): RolloutState => ({
  auth,
  trustDomain: "apps.zt.internal",
  phases: { orders: phase },
  objects: { policies: { orders: "zero-trust" }, others: "" },
});

const made = new Map<string, Facts>();

/** The stack `apps`, as it is when all is well: two nodes, the namespace orders in `require`. Made once. */
export function healthy({ auth = true, phase = auth ? "require" : "allow" }: Kept = {}): Facts {
  const key = `${auth} ${phase}`;
  const facts = made.get(key) ?? make(auth, phase);
  made.set(key, facts);
  return facts;
}

function make(auth: boolean, phase: Phase): Facts {
  const nodes = ["node1", "node2"];
  return {
    stack: "apps",
    config: configOf("apps", `auth=${auth}`),
    now,
    recorded: { known: state({ auth, phase }) },
    uid: { known: config.cluster.identity },
    spire: {
      statefulSet: workloadOf("spire-server", { replicas: 1, template: {} }, { availableReplicas: 1 }),
      daemonSet: workloadOf("spire-agent", { template: {} }, { desiredNumberScheduled: 2, numberReady: 2 }),
      pods: podsOf(
        podOf("spire-server-0", "node1", [container("spire-server"), container("spire-controller-manager")]),
        ...nodes.map((node, i) => podOf(`spire-agent-x${i}`, node, [container("spire-agent")])),
      ),
      agentPods: podsOf(...nodes.map((node, i) => podOf(`spire-agent-x${i}`, node, [container("spire-agent")]))),
      serverFile: read(configMap, {
        metadata: { name: "spire-server" },
        data: { "server.conf": JSON.stringify(serverConfiguration(managed)) },
      }),
      agentFile: read(configMap, {
        metadata: { name: "spire-agent" },
        data: { "agent.conf": JSON.stringify(agentConfiguration(managed)) },
      }),
      bundle: read(configMap, { metadata: { name: "spire-bundle" }, data: { "bundle.spiffe": bundleOf(100, 150) } }),
      staticEntries: staticOf(staticEntryObjects()),
      spiffeIds: { known: known(read(spiffeIds, { items: [] })).items },
      entries: entriesOf(entryObjects()),
      attested: attestedOf({ node1: now + 3 * hours, node2: now + 2.5 * hours, gone: now - 100 * hours }),
    },
    cilium: {
      config: ciliumConfig(auth),
      agent: workloadOf(
        "cilium",
        { template: template(auth) },
        { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 },
      ),
      operator: workloadOf(
        "cilium-operator",
        { replicas: 1, template: template(auth) },
        { updatedReplicas: 1, availableReplicas: 1 },
      ),
      agentPods: podsOf(...nodes.map((node, i) => podOf(`cilium-y${i}`, node, [container("cilium-agent")]))),
      operatorPods: podsOf(podOf("cilium-operator-z", "node1", [container("cilium-operator")])),
      agents: { known: nodes.map((node) => answerOf(node, { known: inspected({ auth, phase }) }, { known: "" })) },
      identities: {
        known: [
          { number: "101", namespace: "web", labels: {} },
          { number: "102", namespace: "orders", labels: {} },
        ],
      },
      policies: policiesOf(...policiesIn(phase)),
      clusterwide: policiesOf(),
    },
    untold: { known: [] },
    flows: {
      known: {
        orders: {
          known: {
            lines: [
              {
                from: "web/frontend",
                to: "app=api, TCP port 8080",
                authenticated: 4,
                allowed: 0,
                denied: { "authentication required": 1 },
                named: true,
              },
              {
                from: "web/intruder",
                to: "app=api, TCP port 8080",
                authenticated: 0,
                allowed: 0,
                denied: { "policy denied": 9 },
                named: false,
              },
            ],
            silent: [],
            lost: 0,
          },
        },
      },
    },
  };
}
