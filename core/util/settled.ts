/** What something waits for, and why, `fails` where that seldom ends by itself; why nobody knows; or nothing any more. */
export type Left =
  { readonly what: string; readonly why?: string; readonly fails?: boolean } | { readonly because: string } | undefined;

/** In seconds. */
export interface Limits {
  /** For something in which nothing changes any more. */
  readonly standstill: number;
  /** For something that fails, all the while. @default as for a standstill */
  readonly failing?: number;
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
  let failing: number | undefined;
  let last: string | undefined;
  let told: string | undefined;
  for (;;) {
    const left = await ask();
    if (left === undefined) return undefined;
    const what = "what" in left ? left.what : `the cluster cannot be read (${left.because})`;
    const text = textOf(left);
    if (text !== told) tell(text);
    told = text;
    if (what !== last) changed = now();
    last = what;
    failing = "what" in left && left.fails ? (failing ?? now()) : undefined;
    const since = (moment: number) => (now() - moment) / 1000;
    if (
      since(changed) >= ("what" in left ? limits.standstill : limits.unreadable) ||
      (failing !== undefined && since(Math.max(changed, failing)) >= (limits.failing ?? limits.standstill)) ||
      since(start) >= limits.whole
    )
      return left;
    await pause(1_000);
  }
}

/** What is left, as a line says it. */
export const textOf = (left: NonNullable<Left>): string =>
  "because" in left
    ? `the cluster cannot be read (${left.because})`
    : left.why === undefined
      ? left.what
      : `${left.what}: ${left.why}`;
