import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clockImages } from "../../../lab/nodes/clusterImages";
import { until } from "../../../lab/until";
import { policy } from "../engine/stack";
import { commandsIn, runCommands } from "../page";
import { TestCluster } from "./cluster";
import { generators, startLoad } from "./load";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(clockImages());
  await cluster.deploy();
  await cluster.demand();
  await startLoad(cluster, 10);
});
afterAll(() => cluster?.stop());

/** Five times as long as an identity lives here. */
const tenMinutes = 600;

/** Sets how far the clocks of SPIRE's and Cilium's agents on a node are ahead, in seconds. The kubelet and the workloads keep the machine's. */
function setNode(name: string, seconds: number): void {
  const root = join("/proc", String(cluster.node(name).pid), "root");
  for (const directory of ["run/spire/sockets", "run/cilium"])
    writeFileSync(join(root, directory, "clock"), String(seconds));
}
/** The same of SPIRE's server. */
const setServer = (seconds: number) =>
  writeFileSync(join(cluster.node("node1").directory, "volume", "clock"), String(seconds));

const lately = (pod: string) => cluster.seconds(pod).slice(-4);
const nobodyGetsIn = () => generators.every((pod) => lately(pod).every(({ answered }) => answered === 0));
const allGetIn = () =>
  generators.every((pod) => lately(pod).every(({ answered, failed }) => answered > 0 && failed === 0));

/** Waits for something, and says how long that took. */
async function timed(what: string, probe: () => boolean): Promise<void> {
  const start = Date.now();
  await until(what, probe, { seconds: 300 });
  console.log(`${what}: after ${Math.round((Date.now() - start) / 1000)} s`);
}

const turnOff = () => {
  cluster.stack.setFlag("false");
  cluster.stack.up();
};
/** Authentication is on again, and whoever appears gets in. */
async function isWhole(): Promise<void> {
  await cluster.demand();
  await until("who appears gets in", async () => (await cluster.newcomer()).status === 200, { seconds: 120 });
  expect(cluster.stack.demands()[policy]).toEqual(["required"]);
  await timed("all get in", allGetIn);
}
const restartBoth = () =>
  runCommands(commandsIn("recovery", "clock"), { ...process.env, KUBECONFIG: cluster.plane.kubeconfig });

describe("the clock of a node", () => {
  test("ahead drops whoever has to authenticate to its pods, until authentication is off; once it is right nothing has to be restarted", async () => {
    setNode("node2", tenMinutes);
    await timed("node2 ahead, nobody gets in", nobodyGetsIn);
    turnOff();
    await timed("node2 ahead and off, all get in", allGetIn);
    setNode("node2", 0);
    cluster.stack.setFlag("true");
    await isWhole();
  });

  test("back does the same, and nothing has to be done once it is right", async () => {
    setNode("node2", -tenMinutes);
    await timed("node2 back, nobody gets in", nobodyGetsIn);
    setNode("node2", 0);
    await timed("node2 right, all get in", allGetIn);
    await isWhole();
  });
});

describe("the clock of SPIRE's server", () => {
  test("ahead has whoever has to authenticate dropped, until authentication is off, or it is right and what it signed is thrown away", async () => {
    setServer(tenMinutes);
    await timed("server ahead, nobody gets in", nobodyGetsIn);
    turnOff();
    await timed("server ahead and off, all get in", allGetIn);
    setServer(0);
    restartBoth();
    cluster.stack.setFlag("true");
    await isWhole();
  });

  test("back does the same, and nothing has to be done once it is right", async () => {
    setServer(-tenMinutes);
    await timed("server back, nobody gets in", nobodyGetsIn);
    setServer(0);
    await timed("server right, all get in", allGetIn);
    await isWhole();
  });
});
