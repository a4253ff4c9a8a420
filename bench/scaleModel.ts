import type { SpireSize } from "../core/schema/spireSizes";
import { spireSizeNames, spireSizes } from "../core/schema/spireSizes";
import { renewedAfter } from "./renewals";

/** A cluster: its nodes, Cilium's identities in it, and how long an SVID lives, in seconds. */
export interface Cluster {
  readonly nodes: number;
  readonly identities: number;
  readonly ttl: number;
}

/**
 * What a server takes, in seconds of a processor and in MiB: from what `npm run bench:identities` measured (docs/performance.md, Many identities), rounded up, on a processor that had other work.
 */
export const measured = {
  /** To sign an SVID. */
  signing: 0.001,
  /** To answer an agent that asks whether its entries are those that it knows, and for each of them. */
  asked: 0.003,
  told: 0.000005,
  /** To read an entry from the database, as all of them are again and again. */
  read: 0.00005,
  /** By itself, in a second. */
  itself: 0.004,
  memory: { itself: 100, entry: 0.02, agent: 1 },
} as const;

/** How often an agent asks for its entries, and a server reads them, in seconds (SPIRE doc/spire_server.md, cache_reload_interval; pkg/agent/agent.go). */
const interval = 5;

/** What a cluster is for its SPIRE, all servers together. */
export interface Load {
  /** Registration entries: Cilium's identities, and the three that Cilium needs. */
  readonly entries: number;
  /** Requests to the API server when all agents attest: a TokenReview, a pod and a node each (pkg/server/plugin/nodeattestor/k8spsat/psat.go). */
  readonly requests: number;
  /** SVIDs that are signed in a second, on average. */
  readonly signed: number;
  /** How many agents ask for their entries in a second. */
  readonly asked: number;
  /** Processors, on average: for signing, and for everything else. */
  readonly processors: { readonly signing: number; readonly rest: number };
  /** MiB, of each server. */
  readonly memory: number;
}

/** @param servers each reads all entries for itself */
export function loadOf({ nodes, identities, ttl }: Cluster, servers = 1): Load {
  const entries = identities + 3;
  const signed = (nodes * identities) / renewedAfter(ttl);
  const asked = nodes / interval;
  const { signing, read, itself, memory } = measured;
  return {
    entries,
    requests: 3 * nodes,
    signed,
    asked,
    processors: {
      signing: signed * signing,
      rest: asked * (measured.asked + entries * measured.told) + servers * (itself + (entries * read) / interval),
    },
    memory: memory.itself + entries * memory.entry + nodes * memory.agent,
  };
}

/** The smallest size that is for a cluster; undefined where none is. */
export const sizeFor = ({ nodes, identities }: Cluster): SpireSize | undefined =>
  spireSizeNames.find((name) => nodes <= spireSizes[name].nodes && identities <= spireSizes[name].identities);

/**
 * What SPIRE's own table says for as many agents and workloads, "order-of-magnitude guidelines" from a test environment of which it does not say how long SVIDs lived (doc/scaling_spire.md):
 * servers, and of each the cores and the memory in GB. Its workloads are taken for identities.
 *
 * @returns undefined beyond the table
 */
export function publishedFor({ nodes, identities }: Cluster) {
  const agents = [10, 100, 1000, 5000].findIndex((most) => nodes <= most);
  const row = published.find(([most]) => identities <= most);
  const found = row?.[1][agents];
  return found && { servers: found[0], cores: found[1], memory: found[2] };
}

type Servers = readonly [servers: number, cores: number, memory: number];
const published: readonly (readonly [workloads: number, byAgents: readonly Servers[]])[] = [
  [
    10,
    [
      [2, 1, 1],
      [2, 2, 2],
      [2, 4, 4],
      [2, 8, 8],
    ],
  ],
  [
    100,
    [
      [2, 2, 2],
      [2, 2, 2],
      [2, 8, 8],
      [2, 16, 16],
    ],
  ],
  [
    1_000,
    [
      [2, 16, 8],
      [2, 16, 8],
      [2, 16, 8],
      [4, 16, 8],
    ],
  ],
  [
    10_000,
    [
      [4, 16, 16],
      [4, 16, 16],
      [4, 16, 16],
      [8, 16, 16],
    ],
  ],
];
