import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { references } from "../../../lab/nodes/clusterImages";
import { until } from "../../../lab/until";
import { TestCluster } from "./cluster";
import { nothingFailed, report, startLoad, watchLoad } from "./load";

/** The commands of docs/recovery.md, as they are there, with an image that the nodes have. */
const page = readFileSync("docs/recovery.md", "utf8");
const commands = (name: string) =>
  new RegExp(`<!-- ${name}: [^>]*-->\\s+\`\`\`bash\\n([^]*?)\`\`\``).exec(page)?.[1] ?? expect.fail(`no ${name}`);

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
  const { status, stdout, stderr } = spawnSync("bash", ["-e", "-c", script], { cwd: directory, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${stdout}\n${stderr}`);
}
const volume = () => join(cluster.node("node1").directory, "volume");
const authority = () =>
  cluster.plane.kubectl([
    ...["get", "configmap", "spire-bundle", "--namespace", "spire"],
    ...["--output", "jsonpath={.data.bundle\\.spiffe}"],
  ]);
const x5c = () => [...authority().matchAll(/"x5c":\s*\["([^"]+)"/g)].map(([, certificate]) => certificate);

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
