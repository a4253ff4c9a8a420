/** What something waits for; why nobody knows; or nothing any more. */
export type Left = { readonly what: string } | { readonly because: string } | undefined;

/** In seconds. */
export interface Limits {
  /** For something in which nothing changes any more. */
  readonly standstill: number;
  /** For something that goes back and forth. */
  readonly whole: number;
  /** For a cluster that cannot be read. */
  readonly unreadable: number;
}

/**
 * Waits until nothing is left, and not for ever.
 *
 * @param ask says what is left
 * @param tell is told what is waited for, whenever that changes
 * @param pause waits for a number of milliseconds
 * @param now milliseconds since any moment
 * @returns undefined, or what was left when it was given up
 */
export async function untilSettled(
  ask: () => Promise<Left>,
  limits: Limits,
  tell: (what: string) => void,
  pause: (milliseconds: number) => Promise<unknown>,
  now: () => number = Date.now,
): Promise<Left> {
  const start = now();
  let changed = start;
  let last: string | undefined;
  for (;;) {
    const left = await ask();
    if (left === undefined) return undefined;
    const what = "what" in left ? left.what : `the cluster cannot be read (${left.because})`;
    if (what !== last) {
      tell(what);
      last = what;
      changed = now();
    }
    const standstill = (now() - changed) / 1000;
    if (
      standstill >= ("what" in left ? limits.standstill : limits.unreadable) ||
      (now() - start) / 1000 >= limits.whole
    )
      return left;
    await pause(1_000);
  }
}
