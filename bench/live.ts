// Measures previews and updates by the real engine on a real API server, beside kubectl with the same objects: `npm run bench:live -- [--rounds N] [--sizes N,N...] [--out FILE]`.
// Prints Markdown tables of medians. `--sizes 10,100,1000,10000` takes hours more.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../config/load";
import type { StackConfig } from "../core/schema/schema";
import { readStackFile } from "../config/stackFile";
import type { KubernetesObject } from "../core/util/kubernetes";
import { startControlPlane, type ControlPlane } from "../lab/controlPlane";
import { LabNode } from "../lab/spire/node";
import { runProgram } from "../lab/spire/process";
import { Spire } from "../lab/spire/spire";
import { until } from "../lab/until";
import { buildTool } from "../tools/go";
import { LabStack } from "../test/lab/engine/stack";
import {
  applyByKubectl,
  diffByKubectl,
  measure,
  measureOff,
  namespacesOf,
  objectsOf,
  type Measured,
} from "./liveSteps";
import { machine, median, readOptions, table, time } from "./report";
import { writeProject } from "./stackFile";

const { rounds, out, sizes } = readOptions("bench:live", "5", "10,100,1000");

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
    const config = loadConfig(readStackFile(project.directory, "apps"), "apps");
    const objects = objectsOf(config);

    await measure(same, "`pulumi preview --stack apps`", () => project.must(["preview", "--stack", "apps"]));
    await measure(same, "`kubectl diff --server-side`", () => diffByKubectl(plane, objects));
    await measure(same, "`pulumi up --stack apps --skip-preview`", () => stack.up());
    await measure(same, "`kubectl apply --server-side`", () => applyByKubectl(plane, objects));

    stack.rollCilium();
    stack.up();
    await measureOff(flag, stack, "apps", config.cluster);
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
async function measureFirstApply(measured: Measured, name: string, config: StackConfig): Promise<void> {
  const plane = await startControlPlane({ controllers: true, nodes: 2 });
  try {
    for (const namespace of namespacesOf(config)) plane.kubectl(["create", "namespace", namespace]);
    await measure(measured, name, () => applyByKubectl(plane, objectsOf(config)));
  } finally {
    await plane.stop();
  }
}

/** How a stack grows: a cluster of its own in each round, and another one for kubectl. */
async function growthOf(size: number): Promise<Measured> {
  const measured: Measured = new Map();
  const scratch = mkdtempSync(join(tmpdir(), "zero-trust-bench-"));
  writeProject(scratch, size);
  // It takes hours, and its medians would tell no more.
  const times = size > 1000 ? 1 : rounds;
  try {
    for (let i = 1; i <= times; i++) {
      process.stderr.write(`${size} intents, round ${i} of ${times}\n`);
      await roundOfGrowth(measured, scratch);
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return measured;
}

async function roundOfGrowth(measured: Measured, scratch: string): Promise<void> {
  const stack = await LabStack.start();
  try {
    const { project, plane } = stack;
    for (const file of ["Pulumi.bench.yaml", "access.bench.yaml"])
      copyFileSync(join(scratch, file), join(project.directory, file));
    stack.make("bench");
    stack.set("cluster.context", "apps", "bench");
    const { directory } = project;
    const config = loadConfig(readStackFile(directory, "bench"), "bench", { directory });
    const objects = objectsOf(config);
    for (const namespace of namespacesOf(config)) plane.kubectl(["create", "namespace", namespace]);
    const run = (...args: string[]) => project.must([...args, "--stack", "bench"]);
    const update = () => run("up", "--yes", "--skip-preview");
    await measure(measured, "first preview", () => run("preview"));
    await measure(measured, "first up", update);
    await measureFirstApply(measured, "first `kubectl apply`", config);
    await measure(measured, "unchanged preview", () => run("preview"));
    await measure(measured, "`kubectl diff`", () => diffByKubectl(plane, objects));
    await measure(measured, "unchanged up", update);
    await measure(measured, "`kubectl apply` of the same", () => applyByKubectl(plane, objects));
    stack.rollCilium();
    update();
    await measureOff(measured, stack, "bench", config.cluster);
  } finally {
    await stack.stop();
  }
}

/** Shows the table of growth anew with each size. */
async function growth(show: (title: string, text: string) => void): Promise<void> {
  const columns: [number, Measured][] = [];
  for (const size of sizes) {
    columns.push([size, await growthOf(size)]);
    const names = [...(columns[0]?.[1].keys() ?? [])];
    const text = table(
      ["intents", ...columns.map(([size]) => size.toLocaleString("en"))],
      names.map((name) => [name, ...columns.map(([, measured]) => time(median(measured.get(name) ?? [])))]),
    );
    show("Growth", text);
  }
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
  const sections = new Map<string, string>();
  /** Shows each table as soon as it is there: the next may take hours. */
  const show = (title: string, text: string) => {
    const section = `## ${title}\n\n${text}\n`;
    process.stdout.write(`\n${section}`);
    sections.set(title, section);
    if (out !== undefined) writeFileSync(out, [...sections.values()].join("\n"));
  };
  const first: Measured = new Map();
  const same: Measured = new Map();
  const flag: Measured = new Map();
  for (let i = 1; i <= rounds; i++) {
    process.stderr.write(`round ${i} of ${rounds}\n`);
    await round(first, same, flag);
    const apps = loadConfig(readStackFile(".", "apps"), "apps");
    await measureFirstApply(first, "`kubectl apply --server-side`, until SPIRE's pods are ready", apps);
  }
  show("Machine", machine());
  show("The first update", besides(first));
  show("Nothing has changed", besides(same));
  show("Authentication off", besides(flag));
  await growth(show);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
