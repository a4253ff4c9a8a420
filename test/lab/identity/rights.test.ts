import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeObject, type KubernetesObject } from "../../../core/util/kubernetes";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { runProgram, tail, type Process } from "../../../lab/spire/process";
import { buildTool } from "../../../tools/go";
import { isAllowed } from "../../../lab/spire/rights";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { spireObjectsOf, staticEntry } from "./support";

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
  readonly verb: string;
}

const objects = spireObjectsOf();
const rulesOf = (role: KubernetesObject) => role["rules"] as readonly Rule[];
const permissions = new Map<string, Permission>(
  objects
    .filter(({ kind }) => kind.endsWith("Role"))
    .flatMap((role) =>
      rulesOf(role).flatMap((rule) =>
        rule.verbs.map((verb) => {
          const name = `${describeObject(role)}: ${verb} ${[...rule.resources, ...(rule.resourceNames ?? [])].join(" ")}`;
          return [name, { role, rule, verb }] as const;
        }),
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
};

/** Those that SPIRE 1.13.0 and spire-controller-manager 0.6.2 do without. */
const unneeded = [
  "ClusterRole spire-server: get clusterstaticentries",
  "ClusterRole spire-server: get clusterstaticentries/status",
  "ClusterRole spire-server: patch clusterstaticentries/status",
  "Role spire/spire-server: get configmaps spire-bundle",
];

let cluster: ControlPlane;
let spire: Spire;
let node: LabNode;
const nodes: LabNode[] = [];
let agent: Agent;

beforeAll(async () => {
  cluster = await startControlPlane();
  spire = await Spire.install(cluster, objects);
  // From the start, so that everything below is seen to work without them.
  for (const name of unneeded) await withdraw(name);
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
  await cluster?.stop();
});

test("every permission is accounted for", () => {
  expect([...permissions.keys()].sort()).toEqual([...Object.keys(needed), ...unneeded].sort());
});

describe.each(Object.entries(needed))("%s", (name, { what, start }) => {
  test(`without it there is no ${what}, and with it there is`, async () => {
    const { rule, verb } = permissions.get(name) ?? expect.fail(name);
    await withdraw(name);
    const trial = await start();
    // As the API server refuses the programs' requests, and as the kubelet refuses the agent's.
    const refused = new RegExp(
      `cannot ${verb} resource \\\\?"${rule.resources.join()}\\\\?"|unexpected status code.*403`,
    );
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

/** A new authority, and the ConfigMap gone. */
async function publication(): Promise<Trial> {
  const at = here(spire.server);
  cluster.kubectl(["delete", "configmap", "spire-bundle", "--namespace=spire"]);
  const prepare = () => spire.command("localauthority", "x509", "prepare");
  await prepare();
  return {
    ...at,
    works: async () => {
      if (spire.publishedBundle() === undefined) await prepare();
      return spire.publishedBundle() !== undefined;
    },
  };
}

/** An entry that was declared before the controller-manager started. */
async function firstEntries(): Promise<Trial> {
  const name = `first-${trials++}`;
  await spire.manager?.stop();
  spire.apply(staticEntry(name));
  const at = here(spire.manager);
  await spire.startManager();
  return { ...at, works: () => hasEntry(name) };
}

/** One that is declared while it runs. */
async function laterEntries(): Promise<Trial> {
  const before = await firstEntries();
  await until("it has started", before.works);
  const name = `later-${trials++}`;
  spire.apply(staticEntry(name));
  return { ...before, works: () => hasEntry(name) };
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

/** Gives a permission back. */
async function restore(name: string): Promise<void> {
  const permission = permissions.get(name) ?? expect.fail(name);
  applyWithout(unneeded, permission.role);
  await until("the API server knows", () => isGranted(permission));
}

function applyWithout(names: readonly string[], role: KubernetesObject): void {
  const gone = names.map((name) => permissions.get(name) ?? expect.fail(name));
  const rules = rulesOf(role).map((rule) => {
    const without = gone.filter((permission) => permission.rule === rule).map(({ verb }) => verb);
    return { ...rule, verbs: rule.verbs.filter((verb) => !without.includes(verb)) };
  });
  spire.apply({ ...role, rules: rules.filter(({ verbs }) => verbs.length > 0) });
}

function isGranted({ role, rule, verb }: Permission): boolean {
  const { name, namespace } = role.metadata;
  const [resource = "", subresource = ""] = rule.resources[0]?.split("/") ?? [];
  const attributes = { verb, group: rule.apiGroups[0] ?? "", resource, subresource };
  const object = { ...(namespace && { namespace }), ...(rule.resourceNames && { name: rule.resourceNames[0] ?? "" }) };
  return isAllowed(cluster, { username: `system:serviceaccount:spire:${name}` }, { ...attributes, ...object });
}
