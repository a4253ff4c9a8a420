// Measures how a real SPIRE takes many identities of Cilium's: `npm run bench:identities -- [--rounds N] [--out FILE]`, a thousand identities in each round. Prints a Markdown
// table.
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { loadConfig } from "../config/load";
import { readStackFile } from "../config/stackFile";
import { manifestsOf } from "../core/util/kubernetes";
import { plan } from "../plan/plan";
import { startControlPlane } from "../lab/controlPlane";
import { ciliumIdentity, startCiliumOperator } from "../lab/spire/ciliumOperator";
import { LabNode, type Agent } from "../lab/spire/node";
import type { Process } from "../lab/spire/process";
import { Spire } from "../lab/spire/spire";
import { until } from "../lab/until";
import { machine, median, readOptions, table, time } from "./report";

const { rounds, out } = readOptions("bench:identities", "1");
const identities = 1000;
/** Agents beside the first one, to see what each costs the server. */
const others = 8;
/** How long the processor's time is counted where nothing happens but what always does, in seconds. */
const calm = 60;

/** What one round has measured: milliseconds, MiB and, of the server's processor time, milliseconds. */
interface Measured {
  readonly registered: number;
  readonly seen: number;
  readonly one: number;
  readonly memory: Readonly<Record<"server" | "agent" | "manager", readonly [before: number, after: number]>>;
  /** For each SVID that the server signs. */
  readonly signing: number;
  /** In a second in which nothing else happens: with an agent and with more, without identities and with all of them. */
  readonly idle: Readonly<Record<"one" | "more", readonly [none: number, all: number]>>;
  /** Of the server, with all of them, as an agent is there and more. */
  readonly crowd: readonly [one: number, more: number];
}

/** MiB of memory that a process has now. */
const memoryOf = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? NaN) / 1024;

/** Milliseconds of a processor that a process has had so far: utime and stime, in hundredths of a second (proc(5)). */
function processorOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The same in a second in which nothing is asked for. */
async function idleOf(pid: number): Promise<number> {
  const before = processorOf(pid);
  await setTimeout(calm * 1000);
  return (processorOf(pid) - before) / calm;
}

/** A number that an agent tells of itself. */
async function metric({ places }: Agent, name: string): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${places.metricsPort}/metrics`)).text();
  return Number(new RegExp(`^spire_agent_${name}(?:\\{.*\\})? (\\S+)`, "m").exec(metrics)?.[1] ?? 0);
}

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
  const nodes = [node];
  let operator: Process | undefined;
  try {
    const agent = await node.startAgent("agent");
    await node.untilReady(agent);
    operator = await startCiliumOperator(node, agent);
    const server = spire.server?.pid ?? 0;
    const processes = { server, agent: agent.process.pid, manager: spire.manager?.pid ?? 0 };
    const memory = () => Object.values(processes).map(memoryOf);
    const known = () => metric(agent, "lru_cache_entry_add");
    const countOf = async () => Number(/\d+/.exec(await spire.command("entry", "count"))?.[0] ?? 0);
    const beforehand = await until("the agent knows the entries", async () => (await known()) > 0 && known());
    const oneNone = await idleOf(server);
    const crowd: Agent[] = [];
    for (let i = 0; i < others; i++) {
      const other = await LabNode.start(spire, `node${i + 2}`);
      nodes.push(other);
      crowd.push(await other.startAgent(`agent${i + 2}`));
    }
    for (const [i, agent] of crowd.entries()) await nodes[i + 1]?.untilReady(agent);
    const moreNone = await idleOf(server);
    for (const { process } of crowd) await process.stop();
    const before = memory();
    const there = await countOf();

    const names = Array.from({ length: identities }, (_, i) => String(10_000 + i));
    const start = performance.now();
    spire.apply(...names.map(ciliumIdentity));
    const patience = { seconds: 600 };
    process.stderr.write(`${identities} identities are registered\n`);
    const complete = async () => (await countOf()) >= there + identities;
    await until("all are registered", complete, patience);
    const registered = performance.now() - start;
    await until("the agent knows all", async () => (await known()) >= beforehand + identities, patience);
    const seen = performance.now() - start;
    const after = memory();

    // One more, as when a pod with other labels starts.
    const begun = performance.now();
    spire.apply(ciliumIdentity("20000"));
    await until("the agent knows it", async () => (await known()) > beforehand + identities, patience);
    const one = performance.now() - begun;
    const oneAll = await idleOf(server);
    const alone = memoryOf(server);

    // As many SVIDs as an agent holds without being asked (x509_svid_cache_max_size); one that starts has none of them.
    const signed = 1000;
    const starting = performance.now();
    const used = processorOf(server);
    const again = await Promise.all(crowd.map((agent, i) => (nodes[i + 1] ?? node).restartAgent(agent)));
    const have = (agent: Agent) => metric(agent, "lru_cache_svid_map_size").catch(() => 0);
    for (const agent of again) await until("the agent has all", async () => (await have(agent)) >= signed, patience);
    const spent = processorOf(server) - used - (oneAll * (performance.now() - starting)) / 1000;
    const signing = spent / (others * signed);
    const moreAll = await idleOf(server);

    const pair = (i: number) => [before[i] ?? NaN, after[i] ?? NaN] as const;
    return {
      ...{ registered, seen, one, memory: { server: pair(0), agent: pair(1), manager: pair(2) } },
      ...{ signing, crowd: [alone, memoryOf(server)] },
      idle: { one: [oneNone, oneAll], more: [moreNone, moreAll] },
    };
  } finally {
    await operator?.stop();
    for (const node of nodes) await node.stop();
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
  const idle = (agents: "one" | "more") =>
    [0, 1].map((i) => `${middle(({ idle }) => idle[agents][i] ?? NaN).toFixed(1)} ms`).join(" → ");
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
      [
        `memory of the server, with ${others} more agents`,
        [0, 1].map((i) => `${middle(({ crowd }) => crowd[i] ?? NaN).toFixed(0)} MiB`).join(" → "),
      ],
      ["processor time of the server for each SVID that it signs", `${middle(({ signing }) => signing).toFixed(2)} ms`],
      ["processor time of the server in a second, with an agent, without and with them", idle("one")],
      [`the same with ${others} more agents`, idle("more")],
    ],
  )}\n`;
  if (out === undefined) process.stdout.write(text);
  else writeFileSync(out, text);
}

void main();
