import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { references } from "../../../lab/nodes/clusterImages";
import { nodeNetwork } from "../../../lab/nodes/network";
import { until } from "../../../lab/until";
import { withoutPack } from "../engine/stack";
import { commandsIn, runCommands } from "../page";
import { TestCluster, type Answer } from "./cluster";
import { nothingFailed, report, startLoad, watchLoad } from "./load";

/** The commands of docs/recovery.md, as they are there, with an image that the nodes have. */
const commands = (name: string) => commandsIn("recovery", name);

let cluster: TestCluster;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "zt-recovery-"));
  cluster = await TestCluster.start();
  await cluster.deploy();
  await cluster.demand();
  await startLoad(cluster, 10);
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function shell(script: string): void {
  const env = { ...process.env, KUBECONFIG: cluster.plane.kubeconfig, IMAGE: references.workload };
  runCommands(script, env, directory);
}
const volume = () => join(cluster.node("node1").directory, "volume");
const authority = () =>
  cluster.plane.kubectl([
    ...["get", "configmap", "spire-bundle", "--namespace", "spire"],
    ...["--output", "jsonpath={.data.bundle\\.spiffe}"],
  ]);
const x5c = () => [...authority().matchAll(/"x5c":\s*\["([^"]+)"/g)].map(([, certificate]) => certificate);

/** One request from within the pod of SPIRE's server, whose image has nothing to ask with. */
function callFromServer(url: string): Answer {
  const pod = ["spire-server-0", "--namespace", "spire", "--container", "caller"];
  const call = ["node", "/workload.js", "call", url, "2000"];
  return JSON.parse(cluster.plane.kubectl(["exec", ...pod, "--", ...call])) as Answer;
}

test("SPIRE's server calls the API server and nobody else where the configuration says so, and goes on in a namespace that is closed on both sides", async () => {
  const debug = ["debug", "pod/spire-server-0", "--namespace", "spire", "--container", "caller", "--quiet"];
  cluster.plane.kubectl([...debug, "--image", references.workload, "--", "node", "/workload.js", "serve", "9000"]);
  const state = "{.status.ephemeralContainerStatuses[0].state.running.startedAt}";
  await until("its pod has somebody to ask", () => cluster.jsonpath("pod/spire-server-0", "spire", state) !== "");
  const elsewhere = [
    `http://${cluster.jsonpath("pod/frontend", "web", "{.status.podIP}")}:8080/`,
    `http://${cluster.node("node2").address}:10250/`,
  ];
  const api = cluster.plane.server.replace(/^https:.*:/, `http://${nodeNetwork.gateway}:`);
  const answered = (url: string) => callFromServer(url).error === undefined;
  expect([api, ...elsewhere].map(answered)).toEqual([true, true, true]);

  cluster.stack.set("spire.egressPolicy", "true");
  cluster.stack.up(withoutPack);
  await until("nobody else answers", () => !elsewhere.some(answered));
  expect(elsewhere.map(callFromServer)).toMatchObject([{ error: "no answer" }, { error: "no answer" }]);
  expect(answered(api)).toBe(true);

  // Of the user's, and from now on.
  const closed = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };
  const metadata = { name: "closed", namespace: "spire" };
  cluster.stack.apply("lab", [{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata, spec: closed }]);
  for (const workload of ["statefulset/spire-server", "daemonset/spire-agent"]) {
    cluster.plane.kubectl(["rollout", "restart", workload, "--namespace", "spire"]);
    cluster.plane.kubectl(["rollout", "status", workload, "--namespace", "spire", "--timeout=120s"]);
  }
  await until("who appears gets in", async () => (await cluster.newcomer()).status === 200, { seconds: 120 });
});

test("a backup fails no request, and what is lost afterwards comes back with the same authority: nobody is restarted, and nobody dropped", async () => {
  const before = x5c();
  const backup = await watchLoad(cluster, () => Promise.resolve(shell(commands("backup"))));
  report("backup", backup);
  expect(backup).toMatchObject(nothingFailed);

  const lost = await watchLoad(cluster, async () => {
    cluster.plane.kubectl(["scale", "statefulset/spire-server", "--namespace", "spire", "--replicas=0"]);
    cluster.plane.kubectl(["wait", "--for=delete", "pod/spire-server-0", "--namespace", "spire", "--timeout=60s"]);
    for (const file of readdirSync(volume())) rmSync(join(volume(), file), { recursive: true });
    const functions = commands("backup").split("\nstop_server\n")[0];
    shell(`${functions}\n${commands("restore")}`);
    await until("who appears gets in", async () => (await cluster.newcomer()).status === 200, { seconds: 120 });
  });
  report("lost and restored", lost);
  expect(lost).toMatchObject(nothingFailed);
  expect(x5c()).toEqual(before);
});
