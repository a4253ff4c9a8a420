import { few } from "./few";
import { groupBy } from "./groupBy";

/** What is to be said of a namespace, or of nothing that is in one. */
export interface Said {
  readonly namespace?: string | undefined;
  readonly text: string;
}

/**
 * Texts, each once: those that differ in nothing but the namespace are one, with NAMESPACE for its name, commands in them included, and the list of the
 * namespaces at the end of its first line.
 */
export function sayOnce(said: readonly Said[]): string[] {
  const alike = groupBy(said, ({ namespace, text }) => (namespace === undefined ? text : forAny(text, namespace)));
  return [...alike].map(([form, group]) => {
    const namespaces = new Set(group.map(({ namespace }) => namespace).filter((name) => name !== undefined));
    if (namespaces.size < 2) return group[0].text;
    // Before what may be copied, where that has lines of its own.
    return form.replace(/:?(?=\n|$)/, (colon) => ` (NAMESPACE: ${few([...namespaces])})${colon}`);
  });
}

/** `orders, shop: allow -> require`, a line for each change. */
export const phaseLines = (changes: readonly { readonly namespace: string; readonly change: string }[]): string[] =>
  [...groupBy(changes, ({ change }) => change)].map(
    ([change, group]) => `${few(group.map(({ namespace }) => namespace))}: ${change}`,
  );

/** With a placeholder wherever the namespace is named. */
const forAny = (text: string, namespace: string) =>
  text.replace(new RegExp(`(?<![\\w-])${namespace.replace(/[^\w-]/g, "\\$&")}(?![\\w-])`, "g"), "NAMESPACE");
