import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import type { Container } from "../../../lab/spire/container";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { freePorts } from "../../../lab/ports";
import { startProcess, tail, type Process } from "../../../lab/spire/process";
import { buildTool } from "../../../tools/go";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { spireObjectsOf, staticEntry } from "./support";

// One life of one SPIRE with the real operator of Cilium 1.19.3, in the order of the tests.
let cluster: ControlPlane;
let spire: Spire;
let node: LabNode;
let agent: Agent;
let container: Container;
let operator: Process;

beforeAll(async () => {
  cluster = await startControlPlane();
  spire = await Spire.start(cluster, spireObjectsOf());
  node = await LabNode.start(spire, "node1");
  agent = await node.startAgent("agent");
  await node.untilReady(agent);
  container = node.runPod("kube-system", "cilium-operator", "cilium-operator").container;
  await startOperator();
  const established = () => cluster.kubectl(["get", "crds", "--output=name"]).includes("ciliumidentities.cilium.io");
  await until("Cilium's CRDs are there", established, { detail: () => tail(operator) });
  cluster.kubectl(["wait", "--for=condition=Established", "crd/ciliumidentities.cilium.io"]);
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
  await startOperator();
  await untilRegistered("4242", "4244");
});

async function startOperator(): Promise<void> {
  const [api = 0, metrics = 0] = await freePorts(2);
  const flags = [
    `--k8s-kubeconfig-path=${cluster.kubeconfig}`,
    "--identity-allocation-mode=crd",
    "--ipam=kubernetes",
    "--enable-ipv4=true",
    "--enable-ipv6=false",
    `--operator-api-serve-addr=127.0.0.1:${api}`,
    `--operator-prometheus-serve-addr=127.0.0.1:${metrics}`,
    "--unmanaged-pod-watcher-interval=0",
    "--mesh-auth-enabled=true",
    "--mesh-auth-mutual-enabled=true",
    `--mesh-auth-spire-server-address=127.0.0.1:${spire.places.ports.server}`,
    `--mesh-auth-spiffe-trust-domain=${spire.trustDomain}`,
    `--mesh-auth-spire-agent-socket=${agent.places.workloadSocket}`,
  ];
  operator = await startProcess("cilium-operator", container.within([buildTool("cilium-operator"), ...flags]), {
    directory: spire.directory,
    env: { K8S_NODE_NAME: "node1", POD_NAMESPACE: "kube-system" },
  });
}

const ciliumIdentity = (name: string) => ({
  apiVersion: "cilium.io/v2",
  kind: "CiliumIdentity",
  metadata: { name },
  "security-labels": { "k8s:io.kubernetes.pod.namespace": "orders", "k8s:app": name },
});
