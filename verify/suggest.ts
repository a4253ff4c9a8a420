import { dump } from "js-yaml";
import type { Caller, Selector } from "../core/schema/intent";
import type { Intent } from "../core/schema/schema";
import { describeTarget, nameOf, type Line } from "../core/rollout/evidence";
import { groupBy } from "../core/util/groupBy";

/**
 * The intents that are missing, as YAML for below `zero-trust:access`: what was seen, grouped by target and port. Who reviews it decides whether it should be.
 *
 * @param intents of the whole stack, whose names are taken
 * @returns YAML, with comments for what nobody can guess; empty where nothing is missing
 */
export function suggest(lines: readonly Line[], intents: readonly Intent[], namespace: string): string {
  const missing = lines.filter(
    ({ verdict, because }) => verdict === "cut off" && because.some((why) => /^no intent /.test(why)),
  );
  const others = lines.filter((line) => line.verdict === "cut off" && !missing.includes(line));
  const taken = new Set(intents.filter(({ target }) => target.namespace === namespace).map(({ name }) => name));
  const targets = groupBy(missing, ({ to, port }) => JSON.stringify([selectorFor(to, port, intents, namespace), port]));
  const suggested = [...targets.values()].flatMap((group) => {
    const [{ to, port }] = group;
    const callers = distinct(group.flatMap(({ from }) => callersFor(from)));
    if (callers.length === 0 || Object.keys(to).length === 0) return [];
    const selector = selectorFor(to, port, intents, namespace);
    return [{ name: freeName(selector, port, taken), target: { namespace, selector }, port, callers }];
  });
  const remarks = [
    ...missing.filter(({ from, to }) => callersFor(from).length === 0 || Object.keys(to).length === 0),
    ...others,
  ].map(
    (line) => `# not by an intent alone: ${nameOf(line.from)} to ${describeTarget(line)}: ${line.because.join(", ")}\n`,
  );
  return (
    (suggested.length > 0 ? dump(suggested, { noRefs: true, lineWidth: -1, quotingType: '"' }) : "") + remarks.join("")
  );
}

/** That of an intent for the same pods and port, beside which a different one could not stand. */
function selectorFor(to: Selector, port: number, intents: readonly Intent[], namespace: string): Selector {
  const same = intents.find(
    ({ target, port: of }) =>
      target.namespace === namespace &&
      of === port &&
      Object.entries(target.selector).every(([key, value]) => to[key] === value),
  );
  return same?.target.selector ?? to;
}

function callersFor(from: Line["from"]): Caller[] {
  if (!("entities" in from)) return [{ namespace: from.namespace, serviceAccount: from.serviceAccount }];
  const { entities, address } = from;
  // One of them is enough, and world would be everybody.
  const entity = entities.find((entity) => entity !== "world");
  if (entity) return [{ entity }];
  return address === undefined ? [] : [{ cidr: `${address}/${address.includes(":") ? 128 : 32}` }];
}

const distinct = (callers: readonly Caller[]) =>
  [...groupBy(callers, (caller) => JSON.stringify(caller)).values()].map(([caller]) => caller);

function freeName(selector: Selector, port: number, taken: Set<string>): string {
  const words = Object.values(selector)
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
  const base = [words, String(port)].filter((part) => part !== "").join("-");
  let name = base;
  for (let i = 2; taken.has(name); i++) name = `${base}-${i}`;
  taken.add(name);
  return name;
}
