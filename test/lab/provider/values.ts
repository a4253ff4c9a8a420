import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";

/** A resource's properties: what JSON can say. */
export type Fields = Readonly<Record<string, unknown>>;

/** The key under which Pulumi's protocol marks a value as special, and the mark of a secret. */
const signature = "4dabf18193072939515e22adb298388d";
const secretMark = "1b47061264138c4ac30d75fd1eb44270";

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A value with all secrets in it revealed, and without nulls, which mean absent. */
function revealed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revealed);
  if (!isFields(value)) return value;
  if (value[signature] === secretMark) return revealed(value["value"]);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null && inner !== undefined)
      .map(([key, inner]) => [key, revealed(inner)]),
  );
}

/** Properties as Pulumi's protocol has them. */
export const struct = (value: Fields): Struct =>
  Struct.fromJavaScript(JSON.parse(JSON.stringify(value)) as Record<string, JavaScriptValue>);

/** Properties from Pulumi's protocol, with secrets revealed. */
export const fields = (value: Struct | undefined): Fields => revealed(value?.toJavaScript() ?? {}) as Fields;

/** What is at a path of keys, or undefined. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((inner, key) => (isFields(inner) ? inner[key] : undefined), value);
}
