import type { Conflict } from "./conflict";
import type { Path } from "../../core/util/path";

/**
 * Names that an earlier item of the same list has.
 *
 * @param path of the list in the configuration
 * @param idOf what has to be unique
 */
export function takenTwice<T extends { readonly name: string }>(
  path: Path,
  items: readonly T[],
  idOf: (item: T) => string = ({ name }) => name,
): Conflict[] {
  const taken = new Map<string, number>();
  return items.flatMap((item, i) => {
    const id = idOf(item);
    const first = taken.get(id) ?? i;
    taken.set(id, first);
    const allowed = `a name of its own, since ${path.at(-1)}[${first}] is ${id}`;
    return first === i ? [] : [{ path: [...path, i, "name"], hint: { allowed, example: `${item.name}-2` } }];
  });
}
