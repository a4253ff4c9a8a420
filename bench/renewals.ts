import { generator, Queue } from "./events";

/** What SPIRE's agents renew, and servers sign for them. */
export interface Fleet {
  readonly nodes: number;
  /** Of the cluster: Cilium makes every node's agent hold all of them (cilium#31430). */
  readonly identities: number;
  /** How long an SVID lives, in seconds. */
  readonly ttl: number;
  /** SVIDs that all servers together can sign in a second, and that one processor can: a call is worked off on one. */
  readonly capacity: number;
  readonly processor: number;
}

/** What has become of them. */
export interface Renewals {
  /** SVIDs that were renewed in a second: in the ten seconds with most of them. */
  readonly peak: number;
  readonly signed: number;
  /** Calls that agents gave up. */
  readonly failed: number;
  /** Seconds until each agent had a valid SVID of each identity. */
  readonly complete: number;
  /** Seconds for which the one that waited longest had expired. */
  readonly expired: number;
}

/** As SPIRE has it, in seconds and SVIDs, with the files of v1.13.0 that say so. */
const spire = {
  /** pkg/agent/manager/manager.go, pkg/agent/manager/cache/lru_cache.go: how often an agent looks for what is to be renewed, and for what is left of it. */
  sync: 5,
  fetch: 0.5,
  /** The same where a call has failed, at most; by how much it grows (pkg/common/backoff/backoff.go), and by which part it varies. */
  longest: 240,
  growth: 1.5,
  jitter: 0.1,
  /** pkg/server/api/limits/limits.go: in a call, and of an address in a second. */
  batch: 500,
  /** pkg/agent/client/client.go: after which an agent gives a call up. */
  patience: 30,
} as const;

/** Nodes that are simulated at most; where there are more, each stands for several. */
const sample = 100;
/** Agents that start at once are this far apart, in seconds: images are there, and machines alike. */
const start = 10;

/** SVIDs of an agent's that were signed together; some of them are to be renewed. */
interface Group {
  readonly signed: number;
  count: number;
  stale: number;
}

interface Agent {
  groups: Group[];
  /** SVIDs in a call. Halved by one that fails. */
  limit: number;
  /** Seconds until the next look, and until the next call for what is left. */
  sync: number;
  fetch: number;
  /** What the server's rate limit for its address has left, and when that was so. */
  tokens: number;
  counted: number;
  calls: boolean;
}

interface Call {
  readonly agent: Agent;
  readonly size: number;
  readonly end: number;
  readonly by: "sync" | "fetch";
  /** How much the servers will have done for each call when this one is done. */
  done: number;
}

/**
 * All agents start at once, and without an SVID, as after a power cut: what that is for the servers, and what it is when all of them renew again.
 *
 * @param seed the same gives the same
 */
export function allAtOnce(fleet: Fleet, seed = 1): Renewals {
  const nobody = () => [{ signed: -Infinity, count: fleet.identities, stale: fleet.identities }];
  return simulate(fleet, nobody, start, fleet.ttl * 0.75, seed);
}

/**
 * The servers were away, for some seconds, from agents that had started one by one.
 *
 * @param seed the same gives the same
 */
export function afterAway(fleet: Fleet, away: number, seed = 1): Renewals {
  const batches = 50;
  const usual = renewedAfter(fleet.ttl);
  const old = (random: () => number) => {
    const parts = Array.from({ length: batches }, (_, i) => Math.floor((fleet.identities + i) / batches));
    const groups = parts.map((count) => ({ signed: -away - random() * usual, count, stale: 0 }));
    return groups.sort((a, b) => a.signed - b.signed);
  };
  // Who has failed for long asks again after up to four minutes.
  return simulate(fleet, old, Math.min(away, spire.longest), fleet.ttl / 2, seed);
}

/**
 * How old an SVID is when it is renewed, in seconds, on average. The moment is half of its life, give or take a tenth of that (pkg/common/rotationutil/rotationutil.go); but it
 * is drawn anew each time an agent looks, so that one of the first draws has it: of n looks in that time about the √(πn/2)th.
 */
export function renewedAfter(ttl: number): number {
  const { from, to } = window(ttl);
  return from + spire.sync * Math.sqrt((Math.PI * (to - from)) / spire.sync / 2);
}

const window = (ttl: number) => ({ from: (ttl / 2) * (1 - spire.jitter), to: (ttl / 2) * (1 + spire.jitter) });

/** The servers share what they can do equally among the calls that they have, as Go's scheduler does. */
function simulate(
  { nodes, identities, ttl, capacity, processor }: Fleet,
  groups: (random: () => number) => Group[],
  spread: number,
  horizon: number,
  seed: number,
): Renewals {
  const random = generator(seed);
  const events = new Queue();
  const simulated = Math.min(nodes, sample);
  const all = (capacity * simulated) / nodes;
  const { from, to } = window(ttl);
  const bins = new Map<number, number>();
  const calls = new Set<Call>();
  let [signed, failed, complete, expired, missing] = [0, 0, 0, 0, 0];
  /** What the servers have done so far for each call. */
  let done = 0;
  let since = 0;
  let turn = 0;

  const varied = (seconds: number) => seconds * (1 + spire.jitter * (2 * random() - 1));
  const pace = () => Math.min(processor, all / calls.size);
  const advance = (now: number) => {
    if (calls.size > 0) done += pace() * (now - since);
    since = now;
  };
  const next = (now: number) => {
    const mine = ++turn;
    const first = [...calls].reduce<Call | undefined>((a, b) => (a && a.done <= b.done ? a : b), undefined);
    if (!first) return;
    const at = now + Math.max(0, first.done - done) / pace();
    events.add(at, (now) => {
      if (mine !== turn) return;
      advance(now);
      calls.delete(first);
      answered(first, now);
      next(now);
    });
  };
  const enter = (call: Call) => (now: number) => {
    advance(now);
    call.done = done + call.size;
    calls.add(call);
    events.add(call.end, (now) => {
      if (!calls.delete(call)) return;
      advance(now);
      gaveUp(call, now);
      next(now);
    });
    next(now);
  };

  const stale = ({ groups }: Agent) => groups.reduce((sum, group) => sum + group.stale, 0);
  const ask = (agent: Agent, by: Call["by"], now: number) => {
    const size = Math.min(stale(agent), agent.limit);
    if (size === 0 || agent.calls) return;
    agent.calls = true;
    agent.tokens = Math.min(spire.batch, agent.tokens + (now - agent.counted) * spire.batch) - size;
    agent.counted = now;
    const wait = Math.max(0, -agent.tokens / spire.batch);
    events.add(now + wait, enter({ agent, size, by, end: now + spire.patience, done: 0 }));
  };
  const look = (agent: Agent) => (now: number) => {
    for (const group of agent.groups) {
      const due = Math.min(1, (now - group.signed - from) / (to - from));
      // The oldest are first.
      if (due <= 0) break;
      group.stale += drawn(group.count - group.stale, due, random);
    }
    ask(agent, "sync", now);
    events.add(now + varied(agent.sync), look(agent));
  };
  const goOn = (agent: Agent, now: number) => {
    agent.calls = false;
    if (stale(agent) > 0) events.add(now + varied(agent.fetch), (now) => ask(agent, "fetch", now));
  };
  const answered = ({ agent, size, by }: Call, now: number) => {
    let left = size;
    const bin = Math.floor(now / 10);
    for (const group of agent.groups) {
      const renewed = Math.min(left, group.stale);
      left -= renewed;
      group.stale -= renewed;
      group.count -= renewed;
      if (group.signed === -Infinity) missing -= renewed;
      else if (renewed > 0) {
        expired = Math.max(expired, now - group.signed - ttl);
        bins.set(bin, (bins.get(bin) ?? 0) + renewed);
      }
      if (left === 0) break;
    }
    const empty = agent.groups.findIndex(({ count }) => count > 0);
    agent.groups.splice(0, empty < 0 ? agent.groups.length : empty);
    agent.groups.push({ signed: now, count: size, stale: 0 });
    agent.limit = Math.min(spire.batch, agent.limit * 2);
    agent[by] = spire[by];
    signed += size;
    if (missing === 0 && complete === 0) complete = now;
    goOn(agent, now);
  };
  const gaveUp = ({ agent, by }: Call, now: number) => {
    failed++;
    agent.limit = Math.max(1, Math.floor(agent.limit / 2));
    agent[by] = Math.min(spire.longest, agent[by] * spire.growth);
    goOn(agent, now);
  };

  const agents = Array.from({ length: simulated }, (): Agent => {
    const { batch, sync, fetch } = spire;
    return { groups: groups(random), limit: batch, sync, fetch, tokens: batch, counted: 0, calls: false };
  });
  for (const agent of agents) {
    missing += agent.groups.reduce((sum, { signed, count }) => sum + (signed === -Infinity ? count : 0), 0);
    events.add(random() * spread, look(agent));
  }
  events.run(horizon);
  for (const { groups } of agents)
    for (const { signed, count } of groups)
      if (count > 0 && signed !== -Infinity) expired = Math.max(expired, horizon - signed - ttl);

  const share = nodes / simulated;
  if (missing > 0) complete = Infinity;
  return {
    peak: (Math.max(0, ...bins.values()) / 10) * share,
    signed: Math.round(signed * share),
    failed: Math.round(failed * share),
    complete: identities === 0 ? 0 : complete,
    expired,
  };
}

/** How many of some come about that each do with a probability. */
function drawn(of: number, probability: number, random: () => number): number {
  if (probability <= 0) return 0;
  if (probability >= 1) return of;
  let count = 0;
  for (let i = 0; i < of; i++) if (random() < probability) count++;
  return count;
}
