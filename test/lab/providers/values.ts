/** A resource's properties: what JSON can say. */
export type Fields = Readonly<Record<string, unknown>>;

/** The key under which Pulumi's protocol marks a value as special, and the mark of a secret. */
const signature = "4dabf18193072939515e22adb298388d";
const secretMark = "1b47061264138c4ac30d75fd1eb44270";
/** What stands, in a preview, for a value that is not known yet. */
const unknownMark = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A value with all secrets in it revealed, and without nulls, which mean absent. */
export function revealed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revealed);
  if (!isFields(value)) return value;
  if (value[signature] === secretMark) return revealed(value["value"]);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null && inner !== undefined)
      .map(([key, inner]) => [key, revealed(inner)]),
  );
}

/** Marks a value as secret, for the engine. */
export const secret = (value: unknown): Fields => ({ [signature]: secretMark, value });

/** Whether something in it is not known yet. */
export const hasUnknown = (value: unknown): boolean => JSON.stringify([value]).includes(unknownMark);

/** Equal as JSON, whatever the order of keys. */
export function same(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((value, index) => same(value, other[index]));
  if (!isFields(one) || !isFields(other)) return one === other;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && same(one[key], other[key]))
  );
}

/** What is at a path of keys, or undefined. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((inner, key) => (isFields(inner) ? inner[key] : undefined), value);
}
