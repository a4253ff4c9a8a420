import { few } from "./few";
import { isObject } from "./objects";
import type { Conflict, PartialConfig } from "../../config/conflicts/combinations";
import { formatPath, type Path } from "./path";

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

/** Nulls in the values of releases that this program delivers: helm takes one for "without the chart's own value", and would never see it. */
export function nullConflicts({ baseValues, cluster, certificates }: PartialConfig): Conflict[] {
  const { delivery, valuesFile: file = "" } = cluster?.cilium ?? {};
  const ofCilium = delivery === "helm" ? nullsIn(baseValues).map(formatPath) : [];
  const ofCertManager = certificates?.install === "external" ? [] : nullsIn(certificates?.values);
  return [
    ...(ofCilium.length === 0
      ? []
      : [
          {
            path: ["cluster", "cilium", "valuesFile"],
            hint: {
              allowed: `a file without null, as in ${few(ofCilium)}: it ${instead} (cluster.cilium.chart)`,
              example: file,
            },
          },
        ]),
    ...ofCertManager.map((path) => ({
      path: ["certificates", "values", ...path],
      hint: { allowed: `no null: it ${instead} (certificates.chart)` },
    })),
  ];
}
