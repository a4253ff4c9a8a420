import { isFields, same, type Fields } from "../values";

/**
 * What is asked for, as the API server stores it: a Secret's `stringData` becomes `data`.
 * (pulumi-kubernetes: normalizeInputs in provider/pkg/provider/provider.go.)
 */
export function normalised(inputs: Fields): Fields {
  const { stringData, ...rest } = inputs;
  if (inputs["apiVersion"] !== "v1" || inputs["kind"] !== "Secret" || !isFields(stringData)) return inputs;
  const encoded = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(String(text)).toString("base64")]);
  return { ...rest, data: { ...(rest["data"] as Fields | undefined), ...Object.fromEntries(encoded) } };
}

/** Kubernetes' own API groups with a dot in their names; the others of `k8s.io` are custom resources too. */
const ownGroups = [
  "apiextensions",
  "networking",
  "rbac.authorization",
  "storage",
  "admissionregistration",
  "coordination",
];

/**
 * A live object in the shape of what was asked for: its fields, with the values that they have now. What the API server wrote in another way but means the same
 * (a quantity, an empty list that it leaves out) stays as it was asked for, in Kubernetes' own kinds; a custom resource is taken as it is.
 */
export function recorded(live: Fields, inputs: Fields): Fields {
  return isBuiltIn(inputs) ? (lenient(live, inputs, false) as Fields) : (pruned(live, inputs) as Fields);
}

/** Whether a kind is Kubernetes' own. */
export function isBuiltIn({ apiVersion }: Fields): boolean {
  const [group = ""] = (apiVersion as string).split("/");
  return !group.includes(".") || ownGroups.some((own) => group === `${own}.k8s.io`);
}

/** Whether what is at a path is a quantity. */
export const isQuantity = (path: readonly (string | number)[]) =>
  path.some((step) => quantities.includes(String(step)));

/** Only what was asked for, at the values that it has: neither a field nor an element of a list that somebody added. (pulumi-kubernetes: pruneMap and pruneSlice in provider/pkg/provider/util.go.) */
function pruned(live: unknown, asked: unknown, inner: typeof pruned = pruned): unknown {
  if (isFields(live) && isFields(asked))
    return Object.fromEntries(
      Object.keys(asked).flatMap((key) => (key in live ? [[key, inner(live[key], asked[key])]] : [])),
    );
  if (Array.isArray(live) && Array.isArray(asked))
    return live.slice(0, asked.length).map((value: unknown, index) => inner(value, asked[index]));
  return live;
}

/** Keys under which values are quantities. */
const quantities: readonly string[] = ["requests", "limits", "capacity", "hard", "sizeLimit", "divisor"];

function lenient(live: unknown, asked: unknown, quantity: boolean): unknown {
  if (!isFields(live) || !isFields(asked))
    return quantity && sameQuantity(live, asked) ? asked : pruned(live, asked, (l, a) => lenient(l, a, quantity));
  return Object.fromEntries(
    Object.keys(asked).flatMap((key) => {
      if (key in live) return [[key, lenient(live[key], asked[key], quantity || quantities.includes(key))]];
      return isEmpty(asked[key]) ? [[key, asked[key]]] : [];
    }),
  );
}

const isEmpty = (value: unknown) => same(value, {}) || same(value, []) || value === "";

/** `0.5` and `500m`, `1024Mi` and `1Gi`. */
export function sameQuantity(one: unknown, other: unknown): boolean {
  const [first, second] = [quantityOf(one), quantityOf(other)];
  return first !== undefined && second !== undefined && Math.abs(first - second) <= Math.abs(first) * 1e-9;
}

const units: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
};

function quantityOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  const [, number, unit = ""] = /^([+-]?[\d.]+)([A-Za-z]*)$/.exec(typeof value === "string" ? value : "") ?? [];
  const factor = units[unit];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}
