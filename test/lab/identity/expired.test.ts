import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { runProgram, tail } from "../../../lab/spire/process";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { buildTool } from "../../../tools/go";
import { authoritiesOf, spireObjectsOf } from "./support";

let cluster: ControlPlane;
let spire: Spire;
let node: LabNode;
let agent: Agent;
let pods = 0;
/** The kubelet of the lab has its certificate from the same CA. */
const short = ["spire.ttl.ca=1m", "spire.ttl.x509Svid=10s", "spire.ttl.agent=10s"];

beforeAll(async () => {
  cluster = await startControlPlane();
  spire = await Spire.start(cluster, spireObjectsOf(...short, "spire.skipKubeletVerification=true"));
  node = await LabNode.start(spire, "node1");
  agent = await node.startAgent("agent");
  await node.untilReady(agent);
});
afterAll(async () => {
  await node?.stop();
  await spire?.stop();
  await cluster?.stop();
});

/** Until a pod gets its identity. */
async function identity(): Promise<void> {
  const { container } = node.runPod("kube-system", `operator-${pods++}`, "cilium-operator");
  const fetch = ["api", "fetch", "x509", "-socketPath", agent.places.workloadSocket] as const;
  const fetched = async () => (await runProgram(container.within([buildTool("spire-agent"), ...fetch]))).status === 0;
  await until("a pod has its identity", fetched, { seconds: 60, detail: () => tail(agent.process) });
}
const authorities = () => authoritiesOf(spire.publishedBundle());
const expired = () =>
  authorities().every(
    (x5c) => new Date(new X509Certificate(Buffer.from(x5c, "base64")).validTo).getTime() < Date.now(),
  );

test("a server that was away until its CA has expired makes another, and the agents start again from the published bundle", async () => {
  await identity();
  const before = authorities();
  await spire.server?.stop();
  await until("its CA has expired", expired, { seconds: 180 });
  await spire.startServer();
  await until("another one is published", () => authorities().some((authority) => !before.includes(authority)));
  // As the kubelet does, also with an agent that ends since its own identity has expired.
  await node.mountBundle();
  await until("the agent has ended", () => agent.process.ended() !== undefined);
  agent = await node.restartAgent(agent);
  await node.untilReady(agent);
  await identity();
});
