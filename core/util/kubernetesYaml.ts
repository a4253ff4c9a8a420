import { CORE_SCHEMA, DEFAULT_SCHEMA, Type } from "js-yaml";

/** `1_000` is 1000; what begins with a point has no such signs. */
const plain = (text: string) => (text.startsWith(".") ? text : text.replaceAll("_", ""));
const scalar = <T extends boolean | number>(
  tag: "bool" | "float" | "int",
  matches: (text: string) => boolean,
  construct: (text: string) => T,
) =>
  new Type(`tag:yaml.org,2002:${tag}`, {
    kind: "scalar",
    resolve: (text: unknown) => typeof text === "string" && matches(text),
    construct,
    predicate: (value: unknown) => typeof value === (tag === "bool" ? "boolean" : "number"),
    represent: String,
  });

const bool = scalar(
  "bool",
  (text) => /^([yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|true|True|TRUE|false|False|FALSE)$/.test(text),
  (text) => /^(y|on$|t)/i.test(text),
);

const int = scalar(
  "int",
  (text) =>
    /^[-+\d]/.test(text) && /^[-+]?(0[xX][\da-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9]\d*)$/.test(plain(text)),
  (text) => {
    const digits = plain(text).replace(/^[-+]/, "");
    const value = Number(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
    return text.startsWith("-") ? 0 - value : value;
  },
);

const float = scalar(
  "float",
  (text) =>
    /^[-+.\d]/.test(text) &&
    /^([-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$/.test(plain(text)),
  (text) => {
    const value = Number(plain(text));
    if (!Number.isFinite(value)) throw new Error(`has ${text}, which JSON does not have`);
    return value + 0;
  },
);

const implicit = [bool, int, float];

/**
 * How helm, kubectl and Flux read YAML: as 1.1, in which `no` is false, `010` is 8 and `<<` takes in another object (go.yaml.in/yaml/v2, resolve.go). A date stays a text.
 */
export const read = CORE_SCHEMA.extend({
  implicit: [
    ...implicit,
    new Type("tag:yaml.org,2002:merge", { kind: "scalar", resolve: (text: unknown) => text === "<<" }),
  ],
});

/** For YAML that they read: a text that they would take for something else is quoted. */
export const written = DEFAULT_SCHEMA.extend({ implicit });
