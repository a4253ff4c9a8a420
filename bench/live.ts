// Measures previews and updates by the real engine on a real API server, beside kubectl with the same objects: `npm run bench:live -- [--rounds N] [--out FILE]`.
// Prints Markdown tables.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../components/config/load";
import type { StackConfig } from "../components/config/schema";
import { readStackFile } from "../components/config/stackFile";
import { manifestsOf, type KubernetesObject } from "../components/kubernetes";
import { plan } from "../components/plan";
import { startControlPlane, type ControlPlane } from "../lab/controlPlane";
import { LabNode } from "../lab/spire/node";
import { runProgram } from "../lab/spire/process";
import { Spire } from "../lab/spire/spire";
import { until } from "../lab/until";
import { buildTool } from "../tools/go";
import { LabStack } from "../test/lab/engine/stack";
import { machine, median, readOptions, table, time } from "./report";
import { writeProject } from "./stackFile";

const { rounds, out } = readOptions("bench:live", "3");
const sizes = [10, 100, 1000];

/** Milliseconds of each thing that was measured, in each round. */
type Measured = Map<string, number[]>;

async function measure(measured: Measured, name: string, action: () => unknown): Promise<void> {
  process.stderr.write(`${name}\n`);
  const start = performance.now();
  await action();
  measured.set(name, [...(measured.get(name) ?? []), performance.now() - start]);
}

/** The objects of an update, as `render` writes them, and a cluster's namespaces for them. */
const objectsOf = (config: StackConfig) => manifestsOf(plan(config, {}).components);
const namespacesOf = (config: StackConfig) => Object.keys(config.rollout.phases);

/** What `render` says to do with its files, where there is no Pulumi. */
function applyByKubectl(plane: ControlPlane, objects: readonly KubernetesObject[]): void {
  const isFirst = ({ kind }: KubernetesObject) => kind === "CustomResourceDefinition" || kind === "Namespace";
  const text = (some: readonly KubernetesObject[]) => some.map((object) => JSON.stringify(object)).join("\n---\n");
  const apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=zero-trust", "--filename=-"];
  plane.kubectl(apply, text(objects.filter(isFirst)));
  plane.kubectl(["wait", "--for=condition=Established", "crd", "--all"]);
  plane.kubectl(apply, text(objects.filter((object) => !isFirst(object))));
  for (const workload of ["statefulset/spire-server", "daemonset/spire-agent"])
    plane.kubectl(["rollout", "status", workload, "--namespace=spire", "--timeout=60s"]);
}

/** Whatever there is between the files and the cluster; nothing, since they are what is there. */
function diffByKubectl(plane: ControlPlane, objects: readonly KubernetesObject[]): void {
  plane.kubectl(
    ["diff", "--server-side", "--force-conflicts", "--field-manager=zero-trust", "--filename=-"],
    objects.map((object) => JSON.stringify(object)).join("\n---\n"),
  );
}

const up = ["up", "--yes", "--stack", "apps"];

async function round(first: Measured, same: Measured, flag: Measured): Promise<void> {
  const stack = await LabStack.start();
  try {
    stack.make("infra");
    const { project, plane } = stack;
    await measure(first, "`pulumi preview --stack infra`", () => project.must(["preview", "--stack", "infra"]));
    stack.giveTo("apps");
    await measure(first, "`pulumi preview --stack apps`", () => project.must(["preview", "--stack", "apps"]));
    await measure(first, "`pulumi up --stack apps`, its preview included", () => project.must(up));
    const objects = objectsOf(loadConfig(readStackFile(project.directory, "apps"), "apps"));

    await measure(same, "`pulumi preview --stack apps`", () => project.must(["preview", "--stack", "apps"]));
    await measure(same, "`kubectl diff --server-side`", () => diffByKubectl(plane, objects));
    await measure(same, "`pulumi up --stack apps --skip-preview`", () => stack.up());
    await measure(same, "`kubectl apply --server-side`", () => applyByKubectl(plane, objects));

    stack.rollCilium();
    stack.up();
    stack.set("auth", "false");
    await measure(flag, "`pulumi up --stack apps`, its preview included", () => project.must(up));
    stack.rollCilium();
    stack.turnOn();
    stack.set("auth", "false");
    await measure(flag, "`pulumi up --stack apps --skip-preview`", () => stack.up());
    const written = stack.objects();
    // Last, since it brings a node on which nothing becomes ready by itself.
    await measure(first, "after it, real SPIRE from its start until a pod has an identity", () =>
      firstIdentity(plane, written),
    );
  } finally {
    await stack.stop();
  }
}

/** Starts the real SPIRE with what the update has written, and waits until a pod has its identity. */
async function firstIdentity(plane: ControlPlane, objects: readonly KubernetesObject[]): Promise<void> {
  const spire = await Spire.start(plane, objects);
  const node = await LabNode.start(spire, "real");
  const agent = await node.startAgent("agent");
  await node.untilReady(agent);
  const { container } = node.runPod("kube-system", "operator", "cilium-operator");
  const fetch = [buildTool("spire-agent"), "api", "fetch", "x509", "-socketPath", agent.places.workloadSocket] as const;
  await until("the pod has an identity", async () => {
    const { status } = await runProgram(container.within([...fetch]));
    return status === 0;
  });
  await node.stop();
  await spire.stop();
}

/** The same by kubectl, on a cluster of its own. */
async function roundOfKubectl(first: Measured): Promise<void> {
  const plane = await startControlPlane({ controllers: true, nodes: 2 });
  try {
    const config = loadConfig(readStackFile(".", "apps"), "apps");
    for (const namespace of namespacesOf(config)) plane.kubectl(["create", "namespace", namespace]);
    await measure(first, "`kubectl apply --server-side`, until SPIRE's pods are ready", () =>
      applyByKubectl(plane, objectsOf(config)),
    );
  } finally {
    await plane.stop();
  }
}

async function growth(): Promise<string> {
  const rows: string[][] = [];
  for (const size of sizes) {
    const measured: Measured = new Map();
    const scratch = mkdtempSync(join(tmpdir(), "zero-trust-bench-"));
    writeProject(scratch, size);
    const stack = await LabStack.start();
    try {
      const { project, plane } = stack;
      for (const file of ["Pulumi.bench.yaml", "access.bench.yaml"])
        copyFileSync(join(scratch, file), join(project.directory, file));
      stack.make("bench");
      stack.set("cluster.context", "apps", "bench");
      const { directory } = project;
      const config = loadConfig(readStackFile(directory, "bench"), "bench", { directory });
      for (const namespace of namespacesOf(config)) plane.kubectl(["create", "namespace", namespace]);
      const run = (...args: string[]) => project.must([...args, "--stack", "bench"]);
      process.stderr.write(`${size} intents\n`);
      await measure(measured, "preview", () => run("preview"));
      await measure(measured, "first up", () => run("up", "--yes", "--skip-preview"));
      await measure(measured, "second up", () => run("up", "--yes", "--skip-preview"));
      await measure(measured, "kubectl apply", () => applyByKubectl(plane, objectsOf(config)));
    } finally {
      await stack.stop();
      rmSync(scratch, { recursive: true });
    }
    rows.push([size.toLocaleString("en"), ...[...measured.values()].map(([ms = NaN]) => time(ms))]);
  }
  return table(["intents", "preview", "first up", "second up", "`kubectl apply` of the same, after it"], rows);
}

/** Each beside the first: above 1, the first is ahead. */
function besides(measured: Measured): string {
  const medians = [...measured].map(([name, runs]) => [name, median(runs)] as const);
  const base = medians[0]?.[1] ?? NaN;
  return table(
    ["", "time", "as a multiple of the first"],
    medians.map(([name, ms]) => [name, time(ms), (ms / base).toFixed(2)]),
  );
}

async function main(): Promise<void> {
  const first: Measured = new Map();
  const same: Measured = new Map();
  const flag: Measured = new Map();
  for (let i = 1; i <= rounds; i++) {
    process.stderr.write(`round ${i} of ${rounds}\n`);
    await round(first, same, flag);
    await roundOfKubectl(first);
  }
  const sections = [
    `## Machine\n\n${machine()}\n`,
    `## The first update\n\n${besides(first)}\n`,
    `## Nothing has changed\n\n${besides(same)}\n`,
    `## Authentication off\n\n${besides(flag)}\n`,
    `## Growth\n\n${await growth()}\n`,
  ];
  process.stdout.write(sections.join("\n"));
  if (out !== undefined) writeFileSync(out, sections.join("\n"));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
