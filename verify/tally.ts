import { sortedLabels } from "../core/schema/intent";
import { nameOf } from "../core/rollout/evidence";
import type { Call, Sighting } from "./calls";

/** What was seen of one caller at one target and port. */
export interface Seen extends Call {
  /** Flows that told of it: one connection may have several. */
  readonly flows: number;
  /** Of those, how many for which Cilium had asked SPIRE. */
  readonly authenticated: number;
  /** Connections that were open when the agents were asked. */
  readonly open: number;
  readonly job: boolean;
  /** Milliseconds since 1970. */
  readonly first: number;
  readonly last: number;
}

/** The same for the same caller, target, port and protocol. */
export const keyOf = ({ from, to, port, protocol }: Call): string =>
  JSON.stringify([nameOf(from), sortedLabels(to), port, protocol]);

/** What was seen, added up; the order in which it is seen changes nothing. */
export class Tally {
  readonly #seen = new Map<string, Seen>();

  add(sighting: Sighting): void {
    const { at, authenticated, ...call } = sighting;
    this.merge({ ...call, flows: 1, authenticated: authenticated ? 1 : 0, open: 0, first: at, last: at });
  }

  /** Notes a call without a flow that tells of it: a connection that was open already. */
  note(call: Call, at: number, open = 0): void {
    this.merge({ ...call, flows: 0, authenticated: 0, open, job: false, first: at, last: at });
  }

  /** Adds what was added up elsewhere. */
  merge(seen: Seen): void {
    const key = keyOf(seen);
    const before = this.#seen.get(key);
    this.#seen.set(
      key,
      before
        ? {
            ...before,
            flows: before.flows + seen.flows,
            authenticated: before.authenticated + seen.authenticated,
            open: before.open + seen.open,
            job: before.job || seen.job,
            first: Math.min(before.first, seen.first),
            last: Math.max(before.last, seen.last),
          }
        : seen,
    );
  }

  get seen(): Seen[] {
    return [...this.#seen.values()];
  }

  /** How many callers there are. */
  get size(): number {
    return this.#seen.size;
  }
}
