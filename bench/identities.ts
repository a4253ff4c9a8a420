// Measures how a real SPIRE takes many identities of Cilium's: `npm run bench:identities -- [--rounds N] [--out FILE]`, a thousand identities in each round. Prints a Markdown
// table.
import { readFileSync, writeFileSync } from "node:fs";
import { loadConfig } from "../components/config/load";
import { readStackFile } from "../components/config/stackFile";
import { manifestsOf } from "../components/kubernetes";
import { plan } from "../components/plan";
import { startControlPlane } from "../lab/controlPlane";
import { ciliumIdentity, startCiliumOperator } from "../lab/spire/ciliumOperator";
import { LabNode } from "../lab/spire/node";
import type { Process } from "../lab/spire/process";
import { Spire } from "../lab/spire/spire";
import { until } from "../lab/until";
import { machine, median, readOptions, table, time } from "./report";

const { rounds, out } = readOptions("bench:identities", "1");
const identities = 1000;

/** What one round has measured: milliseconds and MiB. */
interface Measured {
  readonly registered: number;
  readonly seen: number;
  readonly one: number;
  readonly memory: Readonly<Record<"server" | "agent" | "manager", readonly [before: number, after: number]>>;
}

/** MiB of memory that a process has now. */
const memoryOf = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? NaN) / 1024;

async function round(): Promise<Measured> {
  const cluster = await startControlPlane();
  const config = loadConfig(readStackFile(".", "apps", ["spire.monitoring.namespace=monitoring"]), "apps");
  const { components } = plan(config, {});
  const objects = manifestsOf(components.filter(({ kind }) => kind === "Spire"));
  // Prometheus' operator is not here.
  const spire = await Spire.start(
    cluster,
    objects.filter(({ apiVersion }) => !apiVersion.startsWith("monitoring.")),
  );
  const node = await LabNode.start(spire, "node1");
  let operator: Process | undefined;
  try {
    const agent = await node.startAgent("agent");
    await node.untilReady(agent);
    operator = await startCiliumOperator(node, agent);
    const processes = { server: spire.server?.pid ?? 0, agent: agent.process.pid, manager: spire.manager?.pid ?? 0 };
    const memory = () => Object.values(processes).map(memoryOf);
    const known = async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${agent.places.metricsPort}/metrics`)).text();
      return Number(/^spire_agent_lru_cache_entry_add(?:\{.*\})? (\S+)/m.exec(metrics)?.[1] ?? 0);
    };
    const countOf = async () => Number(/\d+/.exec(await spire.command("entry", "count"))?.[0] ?? 0);
    const beforehand = await until("the agent knows the entries", async () => (await known()) > 0 && known());
    const before = memory();
    const there = await countOf();

    const names = Array.from({ length: identities }, (_, i) => String(10_000 + i));
    spire.apply(...names.map(ciliumIdentity));
    const patience = { seconds: 600 };
    process.stderr.write(`${identities} identities are registered\n`);
    const all = async () => (await countOf()) >= there + identities;
    const start = performance.now();
    await until("all are registered", all, patience);
    const registered = performance.now() - start;
    await until("the agent knows all", async () => (await known()) >= beforehand + identities, patience);
    const seen = performance.now() - start;
    const after = memory();

    // One more, as when a pod with other labels starts.
    const begun = performance.now();
    spire.apply(ciliumIdentity("20000"));
    await until("the agent knows it", async () => (await known()) > beforehand + identities, patience);
    const one = performance.now() - begun;
    const pair = (i: number) => [before[i] ?? NaN, after[i] ?? NaN] as const;
    return { registered, seen, one, memory: { server: pair(0), agent: pair(1), manager: pair(2) } };
  } finally {
    await operator?.stop();
    await node.stop();
    await spire.stop();
    await cluster.stop();
  }
}

async function main(): Promise<void> {
  const measured: Measured[] = [];
  for (let i = 0; i < rounds; i++) measured.push(await round());
  const middle = (of: (one: Measured) => number) => median(measured.map(of));
  const mebibytes = (name: keyof Measured["memory"]) =>
    [0, 1].map((i) => `${middle(({ memory }) => memory[name][i] ?? NaN).toFixed(0)} MiB`).join(" → ");
  const registered = middle((one) => one.registered);
  const text = `${identities} identities, on ${machine()}\n\n${table(
    ["", "it takes"],
    [
      [
        "Cilium's operator registers them",
        `${time(registered)}: ${((identities / registered) * 1000).toFixed(0)} a second`,
      ],
      ["an agent knows all of them", time(middle((one) => one.seen))],
      ["with them there, an agent knows one more", time(middle((one) => one.one))],
      ["memory of the server", mebibytes("server")],
      ["memory of the agent", mebibytes("agent")],
      ["memory of the controller-manager", mebibytes("manager")],
    ],
  )}\n`;
  if (out === undefined) process.stdout.write(text);
  else writeFileSync(out, text);
}

void main();
