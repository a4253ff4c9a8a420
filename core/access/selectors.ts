import { sortedLabels, type Selector } from "../schema/intent";
import { groupBy } from "../util/groupBy";

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
