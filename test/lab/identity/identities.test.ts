import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { runProgram, startProcess, tail, type Process } from "../../../lab/spire/process";
import { buildTool } from "../../../tools/go";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { authoritiesOf, spireObjectsOf, staticEntry } from "./support";

// One life of one SPIRE, in the order of the tests: each goes on where the one before it ended.
let cluster: ControlPlane;
let spire: Spire;
let node: LabNode;
let agent: Agent;

beforeAll(async () => {
  cluster = await startControlPlane();
  // So short that a test can see it renewed, at half of it.
  spire = await Spire.start(cluster, spireObjectsOf("spire.ttl.x509Svid=10s"));
  node = await LabNode.start(spire, "node1");
});
afterAll(async () => {
  await node?.stop();
  await spire?.stop();
  await cluster?.stop();
});

test("the server publishes its bundle in the agents' namespace", async () => {
  await node.mountBundle();
  const shown = authoritiesOf(await spire.command("bundle", "show", "-format", "spiffe"));
  expect(shown).toHaveLength(1);
  expect(authoritiesOf(spire.publishedBundle())).toEqual(shown);
});

test("an agent attests with the token of its pod, as the node of its pod", async () => {
  agent = await node.startAgent("agent");
  await node.untilReady(agent);
  const uid = cluster.kubectl(["get", "node", "node1", "--output=jsonpath={.metadata.uid}"]);
  expect(await spire.command("agent", "list")).toContain(
    `spiffe://apps.zt.internal/spire/agent/k8s_psat/apps/${uid}\n`,
  );
});

test.each([
  ["of another service account", { serviceAccount: "default" }, '"spire:default" is not an allowed service account'],
  ["for another audience", { audience: "vault" }, 'token audiences ["vault"] is invalid for the target audiences'],
])("an agent with a token %s is refused", async (what, credentials, reason) => {
  spire.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: "spire" } });
  const refused = await node.startAgent(what.replaceAll(" ", "-"), credentials);
  const log = () => refused.process.log().replaceAll('\\"', '"');
  await until("it is told why", () => log().includes(reason), { detail: log });
  await refused.process.stop();
  expect(log()).not.toContain("Node attestation was successful");
});

test("the controller-manager makes the three entries under our prefix, and says so in their status", async () => {
  await until("the entries are there", async () => (await spire.entries()).length === 3);
  const alias = "/ns/spire/sa/spire-agent";
  const sorted = (await spire.entries()).sort((one, other) => one.path.localeCompare(other.path));
  const ours: unknown = expect.stringMatching(/^apps[.]/);
  expect(sorted.map((entry) => ({ ...entry, selectors: [...entry.selectors].sort() }))).toEqual([
    { id: ours, path: "/cilium-agent", parent: alias, selectors: ["k8s:ns:kube-system", "k8s:sa:cilium"] },
    { id: ours, path: "/cilium-operator", parent: alias, selectors: ["k8s:ns:kube-system", "k8s:sa:cilium-operator"] },
    {
      id: ours,
      path: alias,
      parent: "/spire/server",
      selectors: ["k8s_psat:agent_ns:spire", "k8s_psat:agent_sa:spire-agent", "k8s_psat:cluster:apps"],
    },
  ]);
  // Not `set`, which 0.6.2 takes back at its next look, when there is nothing to do.
  const statuses = ["get", "clusterstaticentries", "--output=jsonpath={.items[*].status.rendered}"];
  await until("their status says so", () => cluster.kubectl(statuses) === "true true true");
});

describe("entries that Cilium's operator makes", () => {
  const registered = async () => (await spire.entries()).filter(({ parent }) => parent === "/cilium-operator");

  beforeAll(async () => {
    // As operator/auth/spire/client.go does for each CiliumIdentity.
    for (const path of ["/identity/4242", "/identity/4243"]) {
      const ids = [
        "-spiffeID",
        `spiffe://apps.zt.internal${path}`,
        "-parentID",
        "spiffe://apps.zt.internal/cilium-operator",
      ];
      await spire.command("entry", "create", ...ids, "-selector", "cilium:mutual-auth");
    }
  });

  test("survive the controller-manager's reconciliation", async () => {
    const before = await registered();
    expect(before.map(({ id }) => id.startsWith("apps."))).toEqual([false, false]);
    const made = async () => (await spire.entries()).some(({ path }) => path === "/reconciled");
    spire.apply(staticEntry("reconciled"));
    // It deletes before it creates.
    await until("it has reconciled", made);
    expect(await registered()).toEqual(before);
    cluster.kubectl(["delete", "clusterstaticentry", "reconciled"]);
    await until("it has again", async () => !(await made()));
    expect(await registered()).toEqual(before);
  });

  test("survive its restart, when it makes what is missing of our own", async () => {
    const before = await registered();
    expect(before).toHaveLength(2);
    await spire.manager?.stop();
    const ours = (await spire.entries()).filter(({ id }) => id.startsWith("apps."));
    for (const { id } of ours) await spire.command("entry", "delete", "-entryID", id);
    expect(await spire.entries()).toHaveLength(before.length);
    await spire.startManager();
    await until("ours are there", async () => (await spire.entries()).length === before.length + ours.length);
    expect(await registered()).toEqual(before);
  });
});

describe("a workload", () => {
  let watch: Process;
  let watches = 0;

  const client = (command: string): [string, ...string[]] => {
    const socket = ["-socketPath", agent.places.workloadSocket];
    return [buildTool("spire-agent"), "api", ...command.split(" "), ...socket];
  };
  /** How many times it was given an identity. */
  const issued = () => watch.log().match(/Received 1 svid/g)?.length ?? 0;
  const untilIssued = (times: number) =>
    until(`an SVID arrives ${times} times`, () => issued() >= times, {
      detail: () => tail(watch) + tail(agent.process),
    });
  const startWatch = async (command: [string, ...string[]]) => {
    watch = await startProcess(`watch-${watches++}`, command, spire);
  };
  afterAll(() => watch?.stop());

  test("with the service account of Cilium's operator gets its identity, and it is renewed", async () => {
    const { container } = node.runPod("kube-system", "operator", "cilium-operator");
    await startWatch(container.within(client("watch")));
    await untilIssued(2);
    expect(new Set(watch.log().match(/spiffe:\S+/g))).toEqual(new Set(["spiffe://apps.zt.internal/cilium-operator"]));
  });

  test("with another service account gets none", async () => {
    const { container } = node.runPod("kube-system", "stranger", "stranger");
    const { status, output } = await runProgram(container.within(client("fetch x509")));
    expect([status, output]).toEqual([1, expect.stringContaining("no identity issued")]);
  });

  test("goes on when the server has restarted, with the same authority and the same agent", async () => {
    const bundle = authoritiesOf(spire.publishedBundle());
    await spire.server?.stop();
    await spire.startServer();
    await untilIssued(issued() + 2);
    expect(authoritiesOf(spire.publishedBundle())).toEqual(bundle);
    expect(agent.process.ended()).toBeUndefined();
  });

  test("gets an identity of another authority when the server has lost its volume, once its agent has started again from the published bundle", async () => {
    const old = spire.publishedBundle();
    await watch.stop();
    await spire.server?.stop();
    rmSync(spire.places.server.data, { recursive: true });
    await spire.startServer();

    await until("another bundle is published", () => spire.publishedBundle() !== old);
    expect(authoritiesOf(spire.publishedBundle())).not.toContainEqual(authoritiesOf(old)[0]);
    await node.mountBundle();
    const ended = () => agent.process.ended() !== undefined;
    await until("the agent ends, to start again", ended, { seconds: 60, detail: () => tail(agent.process) });
    agent = await node.restartAgent(agent);
    await node.untilReady(agent);

    await until("our entries are there again", async () => (await spire.entries()).length === 3);
    // Those of Cilium's operator are its own to make again.
    expect((await spire.entries()).map(({ parent }) => parent)).not.toContain("/cilium-operator");
    await startWatch(node.runPod("kube-system", "operator-again", "cilium-operator").container.within(client("watch")));
    await untilIssued(1);
  });
});

test("nothing that SPIRE asked of the API server on the way was refused", () => {
  const logs = [spire.server, spire.manager, agent.process].map((process) => process?.log()).join("\n");
  expect(logs).toContain("Created entry");
  expect(logs).not.toContain("forbidden");
});
