import { spireSizeNames, spireSizes, type SpireSize } from "../core/schema/spireSizes";
import { sized } from "../components/spire/sizes";
import { afterAway, allAtOnce, renewedAfter, type Fleet } from "./renewals";
import { table } from "./report";
import { loadOf, measured, publishedFor, sizeFor, type Cluster } from "./scaleModel";

const hour = 3600;
/** `spire.ttl.x509Svid`, as it is by default. */
const ttl = 4 * hour;

/** What a size has at the limits that it is for, while one of several servers is away. */
export interface AtLimits {
  readonly cluster: Cluster;
  readonly servers: number;
  /** Processors that are reserved for them, and that they have when there is much to do: there is no limit, and one is taken for free. */
  readonly reserved: number;
  readonly burst: number;
  /** Of each. */
  readonly memoryLimit: number;
  readonly fleet: Fleet;
}

export function atLimits(size: SpireSize): AtLimits {
  const { nodes, identities, servers: all } = spireSizes[size];
  const cluster = { nodes, identities, ttl };
  const servers = Math.max(1, all - 1);
  const { requests, limits } = sized({ size }).server;
  const each = processorsOf(requests.cpu);
  const burst = servers * Math.max(1, each);
  const capacity = Math.max(0, burst - loadOf(cluster, servers).processors.rest) / measured.signing;
  const fleet = { ...cluster, capacity, processor: 1 / measured.signing };
  return { cluster, servers, reserved: servers * each, burst, memoryLimit: mebibytesOf(limits.memory), fleet };
}

const processorsOf = (quantity: string) => Number.parseInt(quantity) / (quantity.endsWith("m") ? 1000 : 1);
const mebibytesOf = (quantity: string) => Number.parseInt(quantity) * (quantity.endsWith("Gi") ? 1024 : 1);

/** The page docs/scale.md. */
export function scalePage(): string {
  return `# How large a cluster may be

Written by \`npm run bench:scale\`, and reckoned: from what one server was measured to take for a thousand identities and nine agents ([performance](performance.md#many-identities)), and from what SPIRE and Cilium do
by their source. No cluster of this size was run. The formulae, with their sources, are in [\`bench/scaleModel.ts\`](../bench/scaleModel.ts) and the simulation in
[\`bench/renewals.ts\`](../bench/renewals.ts).

## What grows

Cilium has one identity for each set of security labels, and every node's agent holds an SVID of every identity of the cluster (cilium#31430). So two things grow with nodes × identities: SVIDs that are signed, and
entries of which agents are told, since every agent asks every five seconds whether those that it knows are still right. On average, with \`ttl.x509Svid\` at its ${ttl / hour}h:

${table(
  [
    "nodes",
    "identities",
    "SVIDs signed a second",
    "agents that ask a second",
    "processors for signing",
    "for all else",
    "memory of each server",
    "when all agents attest: requests to the API server",
    "SPIRE's own figure",
    "`spire.size`",
  ],
  [10, 50, 100, 500, 1000, 5000].flatMap((nodes) =>
    [100, 500, 1000, 5000].map((identities) => line({ nodes, identities, ttl })),
  ),
)}

SPIRE's own figures are [its table's](https://github.com/spiffe/spire/blob/v1.13.0/doc/scaling_spire.md) for as many agents and workloads, of which it says that they are of an order of magnitude.

- **Asking costs more than signing**, and a longer life of SVIDs does not change it: so \`ttl.x509Svid\` need not grow with the cluster. Fewer identities help with both:
  [exclude labels](https://docs.cilium.io/en/stable/operations/performance/scalability/identity-relevant-labels/) that tell nobody apart.
- **SPIRE's rate limits are not reached**, and stay as they are: they are for each address, 500 SVIDs and one attestation a second, and each agent has its node's address. (An agent asks for 500 SVIDs at most in a call.)

## When all renew at once

An SVID is renewed at half of its life give or take a tenth. But the agent draws that moment anew each time that it looks, every five seconds, so that it comes early, after ${percent(renewedAfter(ttl) / ttl)} of the life on average, and agents that
started together renew nearly together: within minutes, and not within the ${Math.round((ttl * 0.1) / 60)} that the tenth would be. After a power cut, or while a server was away, what comes is many times the average. Simulated call by call at
the limits of each size, while one of several servers is away, and with the processors that are reserved for the others (one, where it is less: there is no limit):

${table(
  [
    "`spire.size`",
    "nodes × identities",
    "servers, processors in all",
    "SVIDs signed a second, on average",
    "renewed a second in the wave after all started at once",
    "until all had their first ones",
    "calls that timed out meanwhile",
    "renewed a second after an hour without servers",
    "longest that one was expired",
  ],
  spireSizeNames.map(waves),
)}

A server that gets more than it can sign in the thirty seconds that agents wait loses what it has done for the calls that time out; agents then ask for half as many. So it catches up, but slower than it could.

## What the sizes are

${table(
  ["`spire.size`", "up to", "servers", "reserved for each", "its memory's limit", "agents replaced at a time"],
  spireSizeNames.map((size) => {
    const { nodes, identities, servers } = spireSizes[size];
    const { server, atOnce } = sized({ size });
    const { cpu, memory } = server.requests;
    const upTo = `${count(nodes)} nodes, ${count(identities)} identities`;
    return [
      `\`${size}\``,
      upTo,
      servers === 1 ? "1" : `${servers} or more`,
      `${cpu} CPU, ${memory}`,
      server.limits.memory,
      String(atOnce),
    ];
  }),
)}

- What is reserved is enough for the average while one of several servers is away; the memory's limit is twice what was measured.
- Replaced one at a time, at ten seconds each, the agents of more than sixty nodes take longer than the ten minutes that an update waits; a tenth of them at a time takes as long for any number.
- Beyond the largest: more clusters, or fewer identities.
`;
}

function line(cluster: Cluster): string[] {
  const { nodes, identities } = cluster;
  const { signed, asked, processors, memory, requests } = loadOf(cluster);
  const published = publishedFor(cluster);
  return [
    count(nodes),
    count(identities),
    figures(signed),
    count(asked),
    figures(processors.signing),
    figures(processors.rest),
    `${count(Math.round(memory))} MiB`,
    count(requests),
    published ? `${published.servers} × ${published.cores} cores, ${published.memory} GB` : "",
    sizeFor(cluster) ?? "",
  ];
}

function waves(size: SpireSize): string[] {
  const { cluster, servers, burst, fleet } = atLimits(size);
  const start = allAtOnce(fleet);
  const away = afterAway(fleet, hour);
  return [
    `\`${size}\``,
    `${count(cluster.nodes)} × ${count(cluster.identities)}`,
    `${servers}, ${burst}`,
    figures(loadOf(cluster).signed),
    count(Math.round(start.peak)),
    `${Math.ceil(start.complete / 60)} min`,
    count(start.failed),
    count(Math.round(away.peak)),
    `${Math.ceil(Math.max(start.expired, away.expired))} s`,
  ];
}

const count = (value: number) => value.toLocaleString("en");
const percent = (value: number) => `${Math.round(value * 100)} %`;
/** Two figures of it. */
const figures = (value: number) => Number(value.toPrecision(2)).toLocaleString("en", { maximumFractionDigits: 4 });
