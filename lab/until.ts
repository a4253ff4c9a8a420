import { setTimeout } from "node:timers/promises";

/**
 * Waits for a condition.
 *
 * @param what the condition in words, for the message
 * @param probe is asked ten times a second, until it gives something other than undefined or false
 * @param detail what helps to see why it did not come about: the end of a log
 * @returns what the probe gave
 * @throws where `seconds` have passed
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  { seconds = 30, detail }: { readonly seconds?: number; readonly detail?: () => string } = {},
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}\n${detail?.() ?? ""}`);
    await setTimeout(100);
  }
}

/** Whether a health endpoint answers that all is well. */
export const answers = (url: string) =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
