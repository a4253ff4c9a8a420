import { afterAll, beforeAll, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { runProgram, tail } from "../../../lab/spire/process";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { buildTool } from "../../../tools/go";
import { spireObjectsOf } from "./support";

// One life of one SPIRE, in the order of the tests.
let cluster: ControlPlane;
let spire: Spire;
let node: LabNode;
let agent: Agent;

beforeAll(async () => {
  cluster = await startControlPlane();
  for (const namespace of ["shop", "bank"]) cluster.kubectl(["create", "namespace", namespace]);
  const shop = ["name=shop", "namespaces[0]=shop", "ttl.x509Svid=30m"].map((value) => `spire.workloads[0].${value}`);
  spire = await Spire.start(cluster, spireObjectsOf(...shop));
  node = await LabNode.start(spire, "node1");
  agent = await node.startAgent("agent");
  await node.untilReady(agent);
});
afterAll(async () => {
  await node?.stop();
  await spire?.stop();
  await cluster?.stop();
});

const paths = async () => (await spire.entries()).map(({ path }) => path);
const fetch = (): [string, ...string[]] => [
  buildTool("spire-agent"),
  ...["api", "fetch", "x509", "-socketPath", agent.places.workloadSocket],
];

test("a pod of the namespace gets an identity by its service account, for as long as it is there, and others get none", async () => {
  const { container } = node.runPod("shop", "frontend-1", "frontend");
  const stranger = node.runPod("bank", "frontend-1", "frontend");
  const id = "spiffe://apps.zt.internal/ns/shop/sa/frontend";
  let said = "";
  await until(
    "the pod has it",
    async () => (said = (await runProgram(container.within(fetch()))).output).includes(id),
    { seconds: 60, detail: () => said + tail(agent.process) },
  );
  expect(await runProgram(stranger.container.within(fetch()))).toMatchObject({ status: 1 });
  const stats = ["get", "clusterspiffeid", "shop", "--output=jsonpath={.status.stats.podsSelected}"];
  await until("its status says so", () => cluster.kubectl(stats) === "1");

  cluster.kubectl(["delete", "pod", "frontend-1", "--namespace=shop", "--force", "--grace-period=0"]);
  await until("its entry is gone", async () => !(await paths()).includes("/ns/shop/sa/frontend"), { seconds: 60 });
});

test("what Cilium's operator has registered survives that", async () => {
  const ids = [
    "-spiffeID",
    "spiffe://apps.zt.internal/identity/4242",
    "-parentID",
    "spiffe://apps.zt.internal/cilium-operator",
  ];
  await spire.command("entry", "create", ...ids, "-selector", "cilium:mutual-auth");
  node.runPod("shop", "frontend-2", "frontend");
  await until("the controller-manager has reconciled", async () => (await paths()).includes("/ns/shop/sa/frontend"), {
    seconds: 60,
  });
  expect(await paths()).toContain("/identity/4242");
});

test("nothing that SPIRE asked of the API server on the way was refused", () => {
  expect([spire.server, spire.manager].map((process) => process?.log()).join("\n")).not.toContain("forbidden");
});
