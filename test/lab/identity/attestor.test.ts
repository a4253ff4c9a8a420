import { afterAll, beforeAll, expect, test } from "vitest";
import { Authority } from "../../../lab/certificates";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { runProgram, tail } from "../../../lab/spire/process";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { buildTool } from "../../../tools/go";
import { spireObjectsOf } from "./support";

// One life of one SPIRE, in the order of the tests: each goes on where the one before it ended.
let cluster: ControlPlane;
let spire: Spire;
let node: LabNode;
let agent: Agent;
const nodes = new Authority();

beforeAll(async () => {
  cluster = await startControlPlane();
  const shop = ["name=shop", "namespaces[0]=orders"].map((value) => `spire.workloads[0].${value}`);
  const objects = spireObjectsOf(`spire.nodeAttestor.x509pop.ca=${nodes.certificate}`, ...shop);
  const orders = { apiVersion: "v1", kind: "Namespace", metadata: { name: "orders" } };
  spire = await Spire.start(cluster, [orders, ...objects]);
  node = await LabNode.start(spire, "node1");
});
afterAll(async () => {
  await node?.stop();
  await spire?.stop();
  await cluster?.stop();
});

const agents = () => spire.command("agent", "list");
/** What a pod of a service account is told when it asks the agent for its SVIDs. */
function fetching(namespace: string, name: string, account: string) {
  const { container } = node.runPod(namespace, name, account);
  const fetch = ["api", "fetch", "x509", "-timeout", "25s", "-socketPath", agent.places.workloadSocket] as const;
  return async () => (await runProgram(container.within([buildTool("spire-agent"), ...fetch]))).output;
}

test("an agent attests with the certificate of its node, as the node that the certificate is for", async () => {
  agent = await node.startAgent("agent", { certificate: nodes.issue({ commonName: "node1" }) });
  await node.untilReady(agent);
  expect(await agents()).toContain("spiffe://apps.zt.internal/spire/agent/x509pop/node1\n");
});

test("an agent with a certificate of another CA is refused, and one whose key is another's", async () => {
  const own = nodes.issue({ commonName: "node2" });
  const stranger = new Authority();
  const others = stranger.issue({ commonName: "node2" });
  for (const [name, certificate, reason] of [
    ["stranger", others, "certificate verification failed"],
    ["thief", { ...own, key: others.key }, "private key does not match public key"],
  ] as const) {
    const refused = await node.startAgent(name, { certificate });
    const log = () => refused.process.log();
    await until("it is told why", () => log().includes(reason), { detail: log });
    await refused.process.stop();
  }
  expect(await agents()).not.toContain("node2");
});

test("Cilium's operator gets its identity below the alias of all nodes, and a pod its own below its node", async () => {
  const parents = async () => new Map((await spire.entries()).map(({ path, parent }) => [path, parent]));
  const operator = fetching("kube-system", "operator", "cilium-operator");
  const shop = fetching("orders", "api", "api");
  const has = (fetch: () => Promise<string>, path: string) => async () =>
    (await fetch()).includes(`SPIFFE ID:\t\tspiffe://apps.zt.internal${path}\n`);
  const detail = () => tail(agent.process);
  await until("the operator has its identity", has(operator, "/cilium-operator"), { seconds: 60, detail });
  await until("the pod has its identity", has(shop, "/ns/orders/sa/api"), { seconds: 60, detail });
  expect(await parents()).toEqual(
    new Map([
      ["/ns/spire/sa/spire-agent", "/spire/server"],
      ["/cilium-agent", "/ns/spire/sa/spire-agent"],
      ["/cilium-operator", "/ns/spire/sa/spire-agent"],
      ["/ns/orders/sa/api", "/spire/agent/x509pop/node1"],
    ]),
  );
});

test("a node that has lost what its agent had attests again, with another certificate for its name, and is the same agent", async () => {
  await agent.process.stop();
  agent = await node.startAgent("again", { certificate: nodes.issue({ commonName: "node1" }) });
  await node.untilReady(agent);
  expect((await agents()).match(/spire\/agent\/\S+/g)).toEqual(["spire/agent/x509pop/node1"]);
});

test("nothing that SPIRE asked of the API server on the way was refused, without the rights that tokens need", () => {
  const logs = [spire.server, spire.manager, agent.process].map((process) => process?.log()).join("\n");
  expect(logs).toContain("Created entry");
  expect(logs).not.toContain("forbidden");
});
