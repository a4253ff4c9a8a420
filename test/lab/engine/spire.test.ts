import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { runProgram, tail } from "../../../lab/spire/process";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { buildTool } from "../../../tools/go";
import { LabStack, withoutPack } from "./stack";

// One life of one SPIRE, in the order of the tests.
describe("the SPIRE that pulumi up deploys", () => {
  let stack: LabStack;
  let spire: Spire;
  let node: LabNode;
  let agent: Agent;
  beforeAll(async () => {
    stack = await LabStack.start();
    stack.up(withoutPack);
    spire = await Spire.start(stack.plane, stack.objects());
    node = await LabNode.start(spire, "real");
    agent = await node.startAgent("agent");
    await node.untilReady(agent);
  });
  afterAll(async () => {
    await node?.stop();
    await spire?.stop();
    await stack?.stop();
  });

  /** Waits until a new pod of Cilium's operator has its identity. */
  const untilIssued = async (pod: string) => {
    const { container } = node.runPod("kube-system", pod, "cilium-operator");
    const { workloadSocket } = agent.places;
    const fetch = container.within([
      ...[buildTool("spire-agent"), "api", "fetch", "x509", "-socketPath", workloadSocket],
    ] as [string, ...string[]]);
    const issued = async () => (await runProgram(fetch)).output.includes("spiffe://apps.zt.internal/cilium-operator");
    await until("the identity is issued", issued, { detail: () => tail(agent.process) });
  };

  test("issues identities to Cilium's pods", () => untilIssued("operator"));

  test("comes back by itself when its server has lost its volume: an update has nothing to do", async () => {
    await spire.server?.stop();
    rmSync(spire.places.server.data, { recursive: true });
    const before = spire.publishedBundle();
    await spire.startServer();
    await until("another bundle is published", () => spire.publishedBundle() !== before);

    const written = stack.watchWrites();
    expect(stack.up(withoutPack)).toMatch(/Resources:\n +\d+ unchanged\n/);
    expect(written()).toEqual([]);
    await until("the entries are there again", async () => (await spire.entries()).length === 3);
    await node.mountBundle();
    await until("the agent ends, to start again", () => agent.process.ended() !== undefined, { seconds: 60 });
    agent = await node.restartAgent(agent);
    await node.untilReady(agent);
    await untilIssued("operator-again");
  });
});
