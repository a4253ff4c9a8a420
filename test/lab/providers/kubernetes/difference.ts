import type { Difference } from "../plugin";
import { at, isFields, same, type Fields } from "../values";
import { fixedFields, touches, type Mutable } from "./replacement";
import { isBuiltIn, isQuantity, normalised, recorded, sameQuantity } from "./shape";

/**
 * What an update would change: the last known live object, seen through what was asked for then, against what is asked for now.
 *
 * @param olds.state the object as the last operation left it
 * @param olds.inputs what was asked for then
 * @param namespaced whether the kind has namespaces; undefined where it is not known
 */
export function difference(
  olds: { readonly state: Fields; readonly inputs: Fields },
  news: Fields,
  mutable: Mutable,
  namespaced: boolean | undefined,
): Difference {
  const before = placed(recorded(olds.state, normalised(olds.inputs)), namespaced);
  const after = placed(normalised(news), namespaced);
  const fixed = fixedFields(after, mutable);
  const paths = Object.fromEntries(
    changes(before, after, [])
      .filter(({ path, was, comes }) => !(isBuiltIn(news) && isQuantity(path) && sameQuantity(was, comes)))
      .map(({ path, kind, was, comes }) => {
        const replace = touches(path, fixed, was ?? comes);
        return [propertyPath(path), { kind, replace }];
      }),
  );
  const place = (object: Fields) => [at(object, "metadata", "namespace"), at(object, "metadata", "name")];
  // One object may not be there twice under one name.
  const replaced = Object.values(paths).some(({ replace }) => replace);
  return { paths, deleteBeforeReplace: replaced && same(place(before), place(after)) };
}

/** An object with the namespace that it is in: the default one where none is given, none where its kind has none. */
function placed(object: Fields, namespaced: boolean | undefined): Fields {
  const { namespace, ...metadata } = (object["metadata"] ?? {}) as Fields;
  return { ...object, metadata: namespaced === false ? metadata : { ...metadata, namespace: namespace ?? "default" } };
}

interface Change {
  readonly path: readonly (string | number)[];
  readonly kind: "add" | "delete" | "update";
  readonly was: unknown;
  readonly comes: unknown;
}

function changes(before: unknown, after: unknown, path: readonly (string | number)[]): Change[] {
  if (same(before, after)) return [];
  if (before === undefined) return [{ path, kind: "add", was: before, comes: after }];
  if (after === undefined) return [{ path, kind: "delete", was: before, comes: after }];
  if (isFields(before) && isFields(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      changes(before[key], after[key], [...path, key]),
    );
  if (Array.isArray(before) && Array.isArray(after))
    return Array.from({ length: Math.max(before.length, after.length) }).flatMap((_, index) =>
      changes(before[index], after[index], [...path, index]),
    );
  return [{ path, kind: "update", was: before, comes: after }];
}

/** `spec.containers[0].image`, `data["a.conf"]`: as Pulumi writes a property's path. */
export function propertyPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((written, step) => {
    if (typeof step === "number") return `${written}[${step}]`;
    if (!/^[A-Za-z_$][\w$]*$/.test(step)) return `${written}[${JSON.stringify(step)}]`;
    return written === "" ? step : `${written}.${step}`;
  }, "");
}
