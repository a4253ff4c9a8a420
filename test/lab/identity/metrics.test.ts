import { afterAll, beforeAll, expect, test } from "vitest";
import { describeObject } from "../../../core/util/kubernetes";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { spireObjectsOf } from "./support";

let cluster: ControlPlane;
let spire: Spire;
let node: LabNode;
let agent: Agent;
const objects = spireObjectsOf("spire.monitoring.namespace=monitoring");

beforeAll(async () => {
  cluster = await startControlPlane();
  // Prometheus' operator is not here.
  spire = await Spire.start(
    cluster,
    objects.filter(({ apiVersion }) => !apiVersion.startsWith("monitoring.coreos.com/")),
  );
  node = await LabNode.start(spire, "node1");
  agent = await node.startAgent("agent");
  await node.untilReady(agent);
});
afterAll(async () => {
  await node?.stop();
  await spire?.stop();
  await cluster?.stop();
});

/** The names in what PromQL says, but for those that others have. */
const namedIn = (names: readonly string[]) =>
  objects
    .filter((object) => names.includes(describeObject(object)))
    .flatMap(
      (object) =>
        JSON.stringify(object).match(/\b(spire_(server|agent)_\w+[a-z]|cluster_static_entry_failures)\b/g) ?? [],
    );

test("real servers, agents and controller-managers serve every metric that an alert or the dashboard asks for", async () => {
  const named = new Set(namedIn(["PrometheusRule spire/spire", "ConfigMap spire/spire-dashboard"]));
  // Prefixes of a family are not metrics; Cilium's agent, which is not here, is the only one to open such a stream.
  const others = ["spire_server_datastore", "spire_agent_delegated_identity_api_connections"];
  const wanted = [...named].filter((name) => !others.includes(name));
  expect(wanted.length).toBeGreaterThan(3);
  const ports = [spire.places.ports.serverMetrics, spire.places.ports.managerMetrics, agent.places.metricsPort];
  const serve = async (port: number) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  let served = "";
  await until(
    `these are served: ${wanted.join()}`,
    async () => {
      served = (await Promise.all(ports.map(serve))).join("\n");
      return wanted.every((name) => new RegExp(`^${name}[ {]`, "m").test(served));
    },
    { detail: () => wanted.filter((name) => !new RegExp(`^${name}[ {]`, "m").test(served)).join() },
  );
  expect(served).toMatch(/^spire_server_datastore_\w+\{.*status="OK"/m);
});
