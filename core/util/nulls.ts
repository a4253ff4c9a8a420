import { isObject } from "./objects";
import type { Path } from "./path";

type Values = Readonly<Record<string, unknown>>;

/** Where fields of a value are null. */
export function nullsIn(value: unknown, path: Path = []): Path[] {
  if (value === null && typeof path.at(-1) === "string") return [path];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : isObject(value)
      ? Object.entries(value)
      : [];
  return entries.flatMap(([key, inner]) => nullsIn(inner, [...path, key]));
}

/** A release's values as they reach helm: Pulumi's Kubernetes provider drops each field that is null (provider/pkg/provider/helm_release.go). */
export function withoutNulls(values: Values): Values {
  return strip(values) as Values;
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, strip(inner)]])),
  );
}

/** What becomes of a null, and what to write: after what names it. */
export const instead =
  "is dropped by Pulumi's Kubernetes provider, so that the chart's own value would come back: write the value that is to be, nothing where the chart has none of its own, or take the chart's out of a copy of the chart";
