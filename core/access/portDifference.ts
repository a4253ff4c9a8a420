import { sortedLabels, type Selector } from "../schema/intent";
import { groupBy } from "../util/groupBy";
import type { Intent } from "../schema/schema";

import { targetDifference, type CallerChange, type Side } from "./targetDifference";

/** The intents with the same selector. */
interface Selected {
  readonly selector: Selector;
  readonly intents: readonly Intent[];
}

const selectorsOf = (intents: readonly Intent[]): Map<string, Selected> =>
  new Map(
    [...groupBy(intents, ({ target }) => JSON.stringify(sortedLabels(target.selector)))].map(([key, group]) => [
      key,
      { selector: group[0].target.selector, intents: group },
    ]),
  );

/** What changes for the pods that a selector selects, and none of others. */
export interface Pods {
  readonly selector: Selector;
  readonly without: readonly Selector[];
  readonly changes: readonly CallerChange[];
}

/** Who gains or loses what on one port of a namespace, and on which pods. */
export function portDifference(before: Side, after: Side): Pods[] {
  const [left, right] = [selectorsOf(before.intents), selectorsOf(after.intents)];
  const compare = (a: readonly Intent[], b: readonly Intent[]) =>
    targetDifference({ ...before, intents: a }, { ...after, intents: b });
  const same = [...left].flatMap(([key, { selector, intents }]): Pods[] => {
    const other = right.get(key);
    if (!other) return [];
    left.delete(key);
    right.delete(key);
    return [{ selector, without: [], changes: compare(intents, other.intents) }];
  });
  const pairs = overlaps([...left.values()], [...right.values()]);
  const both = pairs.map(([a, b]) => ({
    a,
    b,
    selector: { ...a.selector, ...b.selector },
    changes: compare(a.intents, b.intents),
  }));
  const byLeft = groupBy(both, ({ a }) => a);
  const byRight = groupBy(both, ({ b }) => b);
  const alone = [
    ...[...left.values()].flatMap((one) => onlyOn(one, compare(one.intents, []), byLeft.get(one) ?? [], ({ b }) => b)),
    ...[...right.values()].flatMap((one) =>
      onlyOn(one, compare([], one.intents), byRight.get(one) ?? [], ({ a }) => a),
    ),
  ];
  const told = new Set(alone.flatMap(({ told }) => told));
  const rest = both.map(({ selector, changes }) => ({
    selector,
    without: [],
    changes: changes.filter((change) => !told.has(change)),
  }));
  return [...same, ...alone, ...rest];
}

interface Both {
  readonly a: Selected;
  readonly b: Selected;
  readonly changes: readonly CallerChange[];
}

/**
 * What changes for the pods that a selector of one side alone selects, and for those that one of the other side selects too and for whom the same changes.
 *
 * @returns a line for each change, and the changes of others that it tells
 */
function onlyOn(
  { selector }: Selected,
  changes: readonly CallerChange[],
  overlapping: readonly Both[],
  other: (both: Both) => Selected,
): (Pods & { readonly told: readonly CallerChange[] })[] {
  const isIn = (inner: Selector) => Object.entries(inner).every(([key, value]) => selector[key] === value);
  if (overlapping.some((both) => isIn(other(both).selector))) return [];
  const known = overlapping.map((both) => ({
    both,
    byKey: new Map(both.changes.map((change) => [keyOf(change), change])),
  }));
  return changes.map((change) => {
    const found = known.map(({ both, byKey }) => ({ both, same: byKey.get(keyOf(change)) }));
    const without = found.filter(({ same }) => !same).map(({ both }) => other(both).selector);
    return { selector, without, changes: [change], told: found.flatMap(({ same }) => same ?? []) };
  });
}

const keyOf = ({ direction, from, except, operations, beside, authenticated }: CallerChange) =>
  JSON.stringify([direction, from, except, operations ?? null, beside ?? null, authenticated]);

/**
 * Pairs of selectors, one of each list, that the same pod may match: all but those that want different values of a label. Takes about as long as there are selectors and
 * pairs: they are compared by the keys that they share, not one by one.
 *
 * @param left with distinct selectors, as `right`
 */
export function overlaps<T extends { readonly selector: Selector }>(left: readonly T[], right: readonly T[]): [T, T][] {
  const byKeys = (all: readonly T[]) => [...groupBy(all, ({ selector }) => JSON.stringify(keysOf(selector))).values()];
  const groups = byKeys(right);
  return byKeys(left).flatMap((some) =>
    groups.flatMap((others) => {
      const shared = keysOf(some[0].selector).filter((key) => Object.hasOwn(others[0].selector, key));
      const valuesOf = ({ selector }: T) => JSON.stringify(shared.map((key) => selector[key]));
      const byValues = groupBy(others, valuesOf);
      return some.flatMap((one) => (byValues.get(valuesOf(one)) ?? []).map((other): [T, T] => [one, other]));
    }),
  );
}

const keysOf = (selector: Selector): string[] => sortedLabels(selector).map(([key]) => key);
