import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { ciliumIdentity, startCiliumOperator } from "../../../lab/spire/ciliumOperator";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { tail, type Process } from "../../../lab/spire/process";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { spireObjectsOf, staticEntry } from "./support";

// One life of one SPIRE with the real operator of Cilium 1.19.3, in the order of the tests.
let cluster: ControlPlane;
let spire: Spire;
let node: LabNode;
let agent: Agent;
let operator: Process;

beforeAll(async () => {
  cluster = await startControlPlane();
  spire = await Spire.start(cluster, spireObjectsOf());
  node = await LabNode.start(spire, "node1");
  agent = await node.startAgent("agent");
  await node.untilReady(agent);
  operator = await startCiliumOperator(node, agent);
  for (const identity of ["4242", "4243"]) spire.apply(ciliumIdentity(identity));
});
afterAll(async () => {
  await operator?.stop();
  await node?.stop();
  await spire?.stop();
  await cluster?.stop();
});

const registered = async () =>
  (await spire.entries())
    .filter(({ parent }) => parent === "/cilium-operator")
    .sort((a, b) => a.path.localeCompare(b.path));
const untilRegistered = (...identities: string[]) =>
  until(
    `these are registered: ${identities.join()}`,
    async () =>
      (await registered()).map(({ path }) => path).join() === identities.map((id) => `/identity/${id}`).join(),
    { seconds: 60, detail: () => tail(operator) },
  );

test("it registers every CiliumIdentity, by the identity that our entry gives it and that the server takes for an admin's", async () => {
  await untilRegistered("4242", "4243");
  for (const { id, selectors } of await registered())
    expect([id.startsWith("apps."), selectors]).toEqual([false, ["cilium:mutual-auth"]]);
});

test("its entries survive the controller-manager's reconciliation and its restart", async () => {
  const before = await registered();
  expect(before).toHaveLength(2);
  for (const name of ["reconciled", "restarted"]) {
    spire.apply(staticEntry(name));
    await until(`it has ${name}`, async () => (await spire.entries()).some(({ path }) => path === `/${name}`));
    expect(await registered()).toEqual(before);
    await spire.manager?.stop();
    await spire.startManager();
  }
});

test("it removes the entry of a CiliumIdentity that is gone", async () => {
  cluster.kubectl(["delete", "ciliumidentity", "4243"]);
  await untilRegistered("4242");
});

test("when the server has lost its volume, it registers identities again only after a restart", async () => {
  const old = spire.publishedBundle();
  await spire.server?.stop();
  rmSync(spire.places.server.data, { recursive: true });
  await spire.startServer();
  await until("another bundle is published", () => spire.publishedBundle() !== old);
  await node.mountBundle();
  await until("the agent ends, to start again", () => agent.process.ended() !== undefined, { seconds: 60 });
  agent = await node.restartAgent(agent);
  await node.untilReady(agent);
  await until("our entries are there again", async () => (await spire.entries()).length >= 3);
  // It is connected, and goes on with what is new; what it has registered before it takes for done.
  spire.apply(ciliumIdentity("4244"));
  await untilRegistered("4244");
  await operator.stop();
  operator = await startCiliumOperator(node, agent, "cilium-operator-again");
  await untilRegistered("4242", "4244");
});
