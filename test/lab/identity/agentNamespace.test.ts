import { afterAll, beforeAll, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { LabNode } from "../../../lab/spire/node";
import { runProgram } from "../../../lab/spire/process";
import { buildTool } from "../../../tools/go";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { authoritiesOf, spireObjectsOf } from "./support";

// The server in `spire`, the agents in a namespace of their own.
let cluster: ControlPlane;
let spire: Spire;
let node: LabNode;

beforeAll(async () => {
  cluster = await startControlPlane();
  spire = await Spire.start(cluster, spireObjectsOf("spire.agentNamespace=spire-agents"));
  node = await LabNode.start(spire, "node1");
});
afterAll(async () => {
  await node?.stop();
  await spire?.stop();
  await cluster?.stop();
});

test("the bundle is published beside the agents, and nowhere else", async () => {
  await node.mountBundle();
  expect(authoritiesOf(spire.publishedBundle())).toHaveLength(1);
  const everywhere = ["get", "configmaps", "--all-namespaces", "--field-selector=metadata.name=spire-bundle"];
  expect(cluster.kubectl([...everywhere, "--output=jsonpath={.items[*].metadata.namespace}"])).toBe("spire-agents");
});

test("an agent there attests, and gives workloads their identities below its own alias", async () => {
  const agent = await node.startAgent("agent");
  await node.untilReady(agent);
  await until("the entries are there", async () => (await spire.entries()).length === 3);
  const parents = (await spire.entries()).map(({ parent }) => parent).sort();
  expect(parents).toEqual(["/ns/spire-agents/sa/spire-agent", "/ns/spire-agents/sa/spire-agent", "/spire/server"]);

  const { container } = node.runPod("kube-system", "operator", "cilium-operator");
  const fetch = [buildTool("spire-agent"), "api", "fetch", "x509", "-socketPath", agent.places.workloadSocket] as const;
  const output = await until("an SVID arrives", async () => {
    const { status, output } = await runProgram(container.within([...fetch]));
    return status === 0 && output;
  });
  expect(output).toContain("spiffe://apps.zt.internal/cilium-operator");
});

test("an agent in the server's namespace is not even admitted", async () => {
  spire.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "spire-agent", namespace: "spire" } });
  await expect(node.startAgent("misplaced", { namespace: "spire" })).rejects.toThrow(
    'violates PodSecurity "restricted',
  );
});
