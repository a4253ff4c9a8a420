import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeObject, type KubernetesObject } from "../../../components/kubernetes";
import { spireObjects } from "../../../components/spire/objects";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { CertManager } from "../../../lab/spire/certManager";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { runProgram, tail, type Process } from "../../../lab/spire/process";
import { buildTool } from "../../../tools/go";
import { isAllowed } from "../../../lab/spire/rights";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { spireArgsOf, staticEntry } from "./support";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** One verb on one resource, in one rule of one role. */
interface Permission {
  readonly role: KubernetesObject;
  readonly rule: Rule;
  readonly resource: string;
  readonly verb: string;
}

// All that SPIRE can be told to do with the API server. Two servers would need another database than sqlite, and there is one here: how many there are decides about rights.
const told = ["name=shop", "namespaces[0]=shop", "namespaces[1]=late", "path=/pod/{namespace}/{pod}", "dnsNames=true"].map(
  (value) => `spire.workloads[0].${value}`,
);
const args = spireArgsOf(
  ...told,
  "spire.federation.service=ClusterIP",
  "spire.upstreamAuthority.certManager.issuer=spire",
);
const objects = spireObjects("spire", { ...args, replicas: 2 }).map(({ manifest }) => manifest);
const rulesOf = (role: KubernetesObject) => role["rules"] as readonly Rule[];
const permissions = new Map<string, Permission>(
  objects
    .filter(({ kind }) => kind.endsWith("Role"))
    .flatMap((role) =>
      rulesOf(role).flatMap((rule) =>
        rule.resources.flatMap((resource) =>
          rule.verbs.map((verb) => {
            const name = `${describeObject(role)}: ${verb} ${[resource, ...(rule.resourceNames ?? [])].join(" ")}`;
            return [name, { role, rule, resource, verb }] as const;
          }),
        ),
      ),
    ),
);

/** What each permission is for: what stops without it, and comes back with it. */
const needed: Readonly<Record<string, Attempt>> = {
  "ClusterRole spire-server: create tokenreviews": { what: "attestation", start: attestation },
  "ClusterRole spire-server: get nodes": { what: "attestation", start: attestation },
  "Role spire/spire-server: get pods": { what: "attestation", start: attestation },
  "Role spire/spire-server: create configmaps spire-bundle": { what: "bundle", start: publication },
  "Role spire/spire-server: patch configmaps spire-bundle": { what: "bundle", start: publication },
  "ClusterRole spire-server: list clusterstaticentries": {
    what: "entry for what was declared before",
    start: firstEntries,
  },
  "ClusterRole spire-server: watch clusterstaticentries": {
    what: "entry for what is declared later",
    start: laterEntries,
  },
  "ClusterRole spire-server: update clusterstaticentries/status": { what: "status of an entry", start: status },
  "ClusterRole spire-agent: get nodes/pods": { what: "identity for a pod", start: identities },
  ...Object.fromEntries(
    ["clusterspiffeids", "namespaces", "pods", "nodes", "endpoints"].map((resource) => [
      `ClusterRole spire-workloads: list ${resource}`,
      { what: "entry for a pod that was there before", start: firstPod },
    ]),
  ),
  "ClusterRole spire-workloads: watch clusterspiffeids": {
    what: "entry for pods that are named later",
    start: laterIds,
  },
  "ClusterRole spire-workloads: watch namespaces": {
    what: "entry in a namespace that is later",
    start: laterNamespace,
  },
  "ClusterRole spire-workloads: watch pods": { what: "entry for a pod that is later", start: laterPod },
  "ClusterRole spire-workloads: watch nodes": { what: "entry for a pod on a node that is later", start: laterNode },
  "ClusterRole spire-workloads: watch endpoints": { what: "name of a Service that is later", start: laterService },
  "ClusterRole spire-workloads: update clusterspiffeids/status": { what: "count of pods", start: podCount },
  "ClusterRole spire-federation: list clusterfederatedtrustdomains": {
    what: "federation that was declared before",
    start: firstPeer,
  },
  "ClusterRole spire-federation: watch clusterfederatedtrustdomains": {
    what: "federation that is declared later",
    start: laterPeer,
  },
  "Role spire/spire-controller-manager: create leases": { what: "lease", start: election },
  "Role spire/spire-controller-manager: get leases spire-controller-manager": { what: "lease", start: election },
  "Role spire/spire-controller-manager: update leases spire-controller-manager": {
    what: "lease that is renewed",
    start: renewal,
  },
  "Role spire/spire-controller-manager: create events": { what: "event of who reconciles", start: electionEvent },
  "Role spire/spire-certificates: create certificaterequests": { what: "CA", start: certificate },
  "Role spire/spire-certificates: get certificaterequests": { what: "CA", start: certificate },
  "Role spire/spire-certificates: list certificaterequests": { what: "clean-up of requests", start: cleanUp },
  "Role spire/spire-certificates: delete certificaterequests": { what: "clean-up of requests", start: cleanUp },
};

/** Those that SPIRE 1.13.0 and spire-controller-manager 0.6.2 do without. */
const unneeded = [
  "ClusterRole spire-server: get clusterstaticentries",
  "ClusterRole spire-server: get clusterstaticentries/status",
  "ClusterRole spire-server: patch clusterstaticentries/status",
  "Role spire/spire-server: get configmaps spire-bundle",
  ...["clusterspiffeids", "clusterspiffeids/status", "namespaces", "pods", "nodes", "endpoints"].map(
    (resource) => `ClusterRole spire-workloads: get ${resource}`,
  ),
  "ClusterRole spire-workloads: patch clusterspiffeids/status",
  "ClusterRole spire-federation: get clusterfederatedtrustdomains",
  "Role spire/spire-controller-manager: patch events",
];

let cluster: ControlPlane;
let certManager: CertManager;
let spire: Spire;
let node: LabNode;
const nodes: LabNode[] = [];
let agent: Agent;

beforeAll(async () => {
  cluster = await startControlPlane();
  certManager = CertManager.start(cluster, "spire");
  cluster.kubectl(["create", "namespace", "shop"]);
  spire = await Spire.install(cluster, objects);
  // From the start, so that everything below is seen to work without them.
  for (const name of unneeded.filter((name) => !isElsewhere(name))) await withdraw(name);
  await spire.startServer();
  await spire.startManager();
  node = await LabNode.start(spire, "node1");
  nodes.push(node);
  agent = await node.startAgent("agent");
  await node.untilReady(agent);
  await until("the entries are there", async () => (await spire.entries()).length === 3);
});
afterAll(async () => {
  for (const each of nodes) await each.stop();
  await spire?.stop();
  certManager?.stop();
  await cluster?.stop();
});

test("every permission is accounted for", () => {
  expect([...permissions.keys()].sort()).toEqual([...Object.keys(needed), ...unneeded].sort());
});

describe.each(Object.entries(needed))("%s", (name, { what, start }) => {
  test(`without it there is no ${what}, and with it there is`, async () => {
    const { resource, verb } = permissions.get(name) ?? expect.fail(name);
    await withdraw(name);
    const trial = await start();
    // As the API server refuses the programs' requests, and as the kubelet refuses the agent's.
    const refused = new RegExp(`cannot ${verb} resource \\\\?"${resource}\\\\?"|unexpected status code.*403`);
    const log = () => trial.log.log().slice(trial.from);
    await until("it is refused", () => refused.test(log()), { detail: () => log().slice(-3000) });
    expect(await trial.works()).toBe(false);
    await restore(name);
    await until("it works", trial.works, { seconds: 60, detail: () => tail(trial.log) });
  });
});

interface Attempt {
  readonly what: string;
  readonly start: () => Promise<Trial>;
}

/** Something that was started and needs a permission. */
interface Trial {
  /** Who is told that the permission is missing, and where in its log to look. */
  readonly log: Process;
  readonly from: number;
  works: () => Promise<boolean> | boolean;
}

let trials = 0;
const here = (log: Process = expect.fail("it does not run")) => ({ log, from: log.log().length });

/** An agent that has never attested, on a node of its own: a node has one agent. */
async function attestation(): Promise<Trial> {
  const at = here(spire.server);
  const another = await LabNode.start(spire, `node-${trials}`);
  nodes.push(another);
  const started = await another.startAgent(`agent-${trials++}`);
  return { ...at, works: () => started.process.log().includes("Node attestation was successful") };
}

/** Another key for JWT-SVIDs, and the ConfigMap gone. */
async function publication(): Promise<Trial> {
  const at = here(spire.server);
  cluster.kubectl(["delete", "configmap", "spire-bundle", "--namespace=spire"]);
  const prepare = () => spire.command("localauthority", "jwt", "prepare");
  await prepare();
  return {
    ...at,
    works: async () => {
      if (spire.publishedBundle() === undefined) await prepare();
      return spire.publishedBundle() !== undefined;
    },
  };
}

const inSpire = "--namespace=spire";
const lease = "lease/spire-controller-manager";

/** Starts the controller-manager again, and at once: nobody has the lease. Once something has been done while it was away. */
async function restartManager(meanwhile: () => void = () => undefined): Promise<Pick<Trial, "log" | "from">> {
  await spire.manager?.stop();
  cluster.kubectl(["delete", lease, inSpire, "--ignore-not-found"]);
  meanwhile();
  const { from } = here(spire.manager);
  await spire.startManager();
  return { log: spire.manager ?? expect.fail(), from };
}

/** What was declared before the controller-manager started. */
async function first(declare: () => void, works: Trial["works"]): Promise<Trial> {
  return { ...(await restartManager(declare)), works };
}

/** What is declared while it runs. */
async function later(declare: () => void, works: Trial["works"]): Promise<Trial> {
  const before = await firstEntries();
  await until("it has started", before.works);
  declare();
  return { ...before, works };
}

function firstEntries(): Promise<Trial> {
  const name = `first-${trials++}`;
  return first(
    () => spire.apply(staticEntry(name)),
    () => hasEntry(name),
  );
}

function laterEntries(): Promise<Trial> {
  const name = `later-${trials++}`;
  return later(
    () => spire.apply(staticEntry(name)),
    () => hasEntry(name),
  );
}

/** A pod as an object alone, which is all that the controller-manager looks at. */
function makePod(name: string, namespace = "shop", nodeName = "node1"): void {
  const spec = { nodeName, serviceAccountName: "frontend", containers: [{ name: "main", image: "none" }] };
  spire.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "frontend", namespace } });
  spire.apply({ apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec });
}

function firstPod(): Promise<Trial> {
  const name = `pod-${trials++}`;
  return first(
    () => makePod(name),
    () => hasEntry(`pod/shop/${name}`),
  );
}

function laterPod(): Promise<Trial> {
  const name = `pod-${trials++}`;
  return later(
    () => makePod(name),
    () => hasEntry(`pod/shop/${name}`),
  );
}

function laterNode(): Promise<Trial> {
  const name = `pod-${trials++}`;
  const declare = () => {
    spire.apply({ apiVersion: "v1", kind: "Node", metadata: { name: `of-${name}` } });
    makePod(name, "shop", `of-${name}`);
  };
  return later(declare, () => hasEntry(`pod/shop/${name}`));
}

function laterNamespace(): Promise<Trial> {
  const name = `pod-${trials++}`;
  const declare = () => {
    cluster.kubectl(["create", "namespace", "late"]);
    makePod(name, "late");
  };
  return later(declare, () => hasEntry(`pod/late/${name}`));
}

/** The same pods under other paths. */
function laterIds(): Promise<Trial> {
  const name = `ids-${trials++}`;
  makePod(name);
  const { metadata, spec, ...object } = spire.object("ClusterSPIFFEID", "shop");
  const spiffeIDTemplate = `spiffe://{{ .TrustDomain }}/${name}/{{ .PodMeta.Name }}`;
  const ids = { ...object, metadata: { ...metadata, name }, spec: { ...(spec as object), spiffeIDTemplate } };
  return later(
    () => spire.apply(ids),
    () => hasEntry(`${name}/${name}`),
  );
}

/** A Service that leads to a pod, as its controller writes it down. */
async function laterService(): Promise<Trial> {
  const name = `pod-${trials++}`;
  makePod(name);
  const pod = ["get", "pod", name, "--namespace=shop", "--output=jsonpath={.metadata.uid}"];
  const targetRef = { kind: "Pod", name, namespace: "shop", uid: cluster.kubectl(pod) };
  const endpoints = {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name, namespace: "shop" },
    subsets: [{ addresses: [{ ip: "10.0.0.1", targetRef }], ports: [{ port: 80 }] }],
  };
  return later(
    () => spire.apply(endpoints),
    async () => (await spire.command("entry", "show")).includes(`${name}.shop.svc`),
  );
}

function podCount(): Promise<Trial> {
  const at = here(spire.manager);
  const get = ["get", "clusterspiffeid", "shop", "--output=jsonpath={.status.stats.podsSelected}"];
  const count = () => Number(cluster.kubectl(get));
  const before = count();
  makePod(`pod-${trials++}`);
  return Promise.resolve({ ...at, works: () => count() === before + 1 });
}

/** A peer that needs no first bundle. It is never reached. */
const makePeer = (trustDomain: string) =>
  spire.apply({
    apiVersion: "spire.spiffe.io/v1alpha1",
    kind: "ClusterFederatedTrustDomain",
    metadata: { name: trustDomain },
    spec: { trustDomain, bundleEndpointURL: "https://127.0.0.1:1", bundleEndpointProfile: { type: "https_web" } },
  });
const hasPeer = async (trustDomain: string) => (await spire.command("federation", "list")).includes(trustDomain);

function firstPeer(): Promise<Trial> {
  const name = `first-${trials++}.internal`;
  return first(
    () => makePeer(name),
    () => hasPeer(name),
  );
}

function laterPeer(): Promise<Trial> {
  const name = `later-${trials++}.internal`;
  return later(
    () => makePeer(name),
    () => hasPeer(name),
  );
}

const leaseSays = (path: string) =>
  cluster.kubectl(["get", lease, inSpire, "--ignore-not-found", `--output=jsonpath=${path}`]);
const isHeld = () => leaseSays("{.spec.holderIdentity}") !== "";

async function election(): Promise<Trial> {
  return { ...(await restartManager()), works: isHeld };
}

/** Who cannot renew its lease ends, and the kubelet starts it again. */
async function renewal(): Promise<Trial> {
  const at = await restartManager();
  const works = async () => {
    if (spire.manager?.ended() !== undefined) await restartManager();
    return isHeld() && leaseSays("{.spec.renewTime}") !== leaseSays("{.spec.acquireTime}");
  };
  return { ...at, works };
}

/** Said once by whoever begins to reconcile. */
async function electionEvent(): Promise<Trial> {
  cluster.kubectl(["delete", "events", "--all", inSpire]);
  const at = await restartManager();
  const isSaid = () => cluster.kubectl(["get", "events", inSpire, "--output=name"]) !== "";
  const works = async () => {
    if (isSaid()) return true;
    await restartManager();
    await until("somebody reconciles", isHeld);
    return isSaid();
  };
  return { ...at, works };
}

/** Whether the server gets another CA. */
const isSigned = () =>
  spire.command("localauthority", "x509", "prepare").then(
    () => true,
    () => false,
  );

async function certificate(): Promise<Trial> {
  const at = here(spire.server);
  await isSigned();
  return { ...at, works: isSigned };
}

/** Requests that were answered go with the next one. */
async function cleanUp(): Promise<Trial> {
  const at = here(spire.server);
  const isClear = () => certManager.pending().length === 0;
  const works = async () => (await isSigned()) && until("all are gone", isClear, { seconds: 2 }).catch(() => false);
  await works();
  return { ...at, works };
}

function status(): Promise<Trial> {
  const at = here(spire.manager);
  const name = `status-${trials++}`;
  spire.apply(staticEntry(name));
  const get = ["get", "clusterstaticentry", name, "--output=jsonpath={.status.rendered}"];
  return Promise.resolve({ ...at, works: () => cluster.kubectl(get) === "true" });
}

/** The identity of a workload in a pod. */
async function identities(): Promise<Trial> {
  const at = here(agent.process);
  const name = `operator-${trials++}`;
  const { container } = node.runPod("kube-system", name, "cilium-operator");
  const socket = ["-socketPath", agent.places.workloadSocket];
  const fetch = container.within([buildTool("spire-agent"), "api", "fetch", "x509", ...socket]);
  const works = async () => (await runProgram(fetch)).status === 0;
  await works();
  return { ...at, works };
}

const hasEntry = async (name: string) => (await spire.entries()).some(({ path }) => path === `/${name}`);

/** Takes permissions out of a role, beside those that are unneeded, and waits until the API server knows. */
async function withdraw(name: string): Promise<void> {
  const permission = permissions.get(name) ?? expect.fail(name);
  applyWithout([...unneeded, name], permission.role);
  await until("the API server knows", () => !isGranted(permission));
}

/** Whether something needed is the same permission in another role: with that it goes, and comes back. */
function isElsewhere(name: string): boolean {
  const { verb, resource, rule } = permissions.get(name) ?? expect.fail(name);
  return Object.keys(needed).some((other) => {
    const { role, ...same } = permissions.get(other) ?? expect.fail(other);
    const isSame = same.verb === verb && same.resource === resource && same.rule.apiGroups[0] === rule.apiGroups[0];
    return isSame && role.metadata.namespace === undefined;
  });
}

/** Gives a permission back. */
async function restore(name: string): Promise<void> {
  const permission = permissions.get(name) ?? expect.fail(name);
  applyWithout(unneeded, permission.role);
  await until("the API server knows", () => isGranted(permission));
}

function applyWithout(names: readonly string[], role: KubernetesObject): void {
  const gone = names.map((name) => permissions.get(name) ?? expect.fail(name));
  const rules = rulesOf(role).flatMap((rule) =>
    rule.resources.map((resource) => {
      const without = gone.filter((permission) => permission.rule === rule && permission.resource === resource);
      const verbs = rule.verbs.filter((verb) => !without.some((permission) => permission.verb === verb));
      return { ...rule, resources: [resource], verbs };
    }),
  );
  spire.apply({ ...role, rules: rules.filter(({ verbs }) => verbs.length > 0) });
}

function isGranted({ role, rule, verb, ...permission }: Permission): boolean {
  const { namespace } = role.metadata;
  const account = role.metadata.name === "spire-agent" ? "spire-agent" : "spire-server";
  const [resource = "", subresource = ""] = permission.resource.split("/");
  const attributes = { verb, group: rule.apiGroups[0] ?? "", resource, subresource };
  const object = { ...(namespace && { namespace }), ...(rule.resourceNames && { name: rule.resourceNames[0] ?? "" }) };
  return isAllowed(cluster, { username: `system:serviceaccount:spire:${account}` }, { ...attributes, ...object });
}
