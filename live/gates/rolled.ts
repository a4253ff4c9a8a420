import type { Look } from "../probes/cilium";
import { textOf, untilSettled, type Left, type Limits } from "../../core/util/settled";

/** A pod that starts has a minute for it, by the chart's probes. */
const limits: Limits = { standstill: 120, whole: 900, unreadable: 10 };

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
  const rolls = async (): Promise<Left> => {
    const seen = await look();
    if (!seen.reachable) return { because: seen.because };
    return seen.rolls === undefined ? undefined : { what: seen.rolls };
  };
  const left = await untilSettled(rolls, limits, tell, pause, now);
  if (left === undefined) return undefined;
  return `Cilium is not known to run as it is configured: ${textOf(left)}. Going on.`;
}
