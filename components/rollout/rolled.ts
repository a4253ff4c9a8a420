import type { Look } from "./live";

/** In seconds. */
export const limits = {
  /** For a rollout in which nothing changes any more: a pod that starts has a minute for it, by the chart's probes. */
  standstill: 120,
  /** For one that goes back and forth. */
  whole: 900,
  /** For a cluster that cannot be read. */
  unreadable: 10,
} as const;

/**
 * Waits until every pod of Cilium runs what its release says, and not for ever. It is this program that waits, and not helm, since a helm that is killed while
 * it does leaves its release locked ("another operation is in progress"), and the way off with it.
 *
 * @param look reads the cluster
 * @param tell is told what is waited for, whenever that changes
 * @param pause waits for a number of milliseconds
 * @param now milliseconds since any moment
 * @returns undefined, or what has to be known where it was given up
 */
export async function untilRolled(
  look: () => Promise<Look>,
  tell: (what: string) => void,
  pause: (milliseconds: number) => Promise<unknown>,
  now: () => number = Date.now,
): Promise<string | undefined> {
  const start = now();
  let changed = start;
  let last: string | undefined;
  for (;;) {
    const seen = await look();
    const what = seen.reachable ? seen.rolls : `the cluster cannot be read (${seen.because})`;
    if (what === undefined) return undefined;
    if (what !== last) {
      tell(what);
      last = what;
      changed = now();
    }
    const standstill = (now() - changed) / 1000;
    if (
      standstill >= (seen.reachable ? limits.standstill : limits.unreadable) ||
      (now() - start) / 1000 >= limits.whole
    )
      return `Cilium is not known to run as it is configured: ${what}. Going on.`;
    await pause(1_000);
  }
}
