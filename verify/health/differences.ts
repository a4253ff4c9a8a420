import { isObject, ownField } from "../../core/util/objects";

/**
 * Where two plain values differ, as paths: `.ingress[0].toPorts`. A value that is missing and one that is undefined are the same.
 *
 * @returns the deepest places, in the order of the first value
 */
export function differences(wanted: unknown, live: unknown, path = ""): string[] {
  if (wanted === live) return [];
  if (Array.isArray(wanted) && Array.isArray(live)) {
    const length = Math.max(wanted.length, live.length);
    return Array.from({ length }, (_, i) => differences(wanted[i], live[i], `${path}[${i}]`)).flat();
  }
  if (isObject(wanted) && isObject(live)) {
    const keys = [...new Set([...Object.keys(wanted), ...Object.keys(live)])];
    return keys.flatMap((key) => differences(ownField(wanted, key), ownField(live, key), `${path}.${key}`));
  }
  return [path];
}
