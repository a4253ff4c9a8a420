import { few } from "../../core/util/few";
import { instead, nullsIn } from "../../core/util/nulls";
import { formatPath } from "../../core/util/path";
import type { Conflict, PartialConfig } from "./conflict";

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
