import type { StackConfig } from "../../core/schema/schema";

import { endedBy, itemsOf, kubeconfigAt, reasonOf } from "../client";

/** How long the list may take, in milliseconds. */
const patience = 10_000;

/** What no PrometheusRule of a cluster alerts about, of what should be told before callers have to authenticate. Reads prometheusrules; never throws. */
export async function askAlerts({ context }: StackConfig["cluster"]): Promise<string[] | { readonly because: string }> {
  try {
    const kubeconfig = await kubeconfigAt(context);
    if (!kubeconfig) return { because: `no kubeconfig context ${context}` };
    const { CustomObjectsApi } = await import("@kubernetes/client-node");
    const list = kubeconfig
      .makeApiClient(CustomObjectsApi)
      .listClusterCustomObject(
        { group: "monitoring.coreos.com", version: "v1", plural: "prometheusrules" },
        await endedBy(AbortSignal.timeout(patience)),
      );
    return untold(await itemsOf<AlertRules>(list));
  } catch (error) {
    return { because: reasonOf(error) };
  }
}

/** A PrometheusRule (monitoring.coreos.com/v1), as much as tells what it alerts about. */
export interface AlertRules {
  readonly spec?: {
    readonly groups?: readonly { readonly rules?: readonly { readonly alert?: string; readonly expr?: unknown }[] }[];
  };
}

/** What somebody has to be told of before callers have to authenticate, and what the expression of such an alert has in it (docs/operating.md, Alerts). */
const subjects: readonly { readonly what: string; readonly expression: RegExp }[] = [
  { what: "SPIRE's server being away", expression: /spire[-_]server/ },
  // One that gets or renews no identities is not ready either.
  { what: "SPIRE's agents not being ready", expression: /spire[-_]agent/ },
  { what: "callers whom Cilium drops", expression: /cilium_drop|hubble_drop/ },
];

/** What no alert of some rules tells. */
export function untold(rules: readonly AlertRules[]): string[] {
  const expressions = rules.flatMap(({ spec }) =>
    (spec?.groups ?? []).flatMap(({ rules = [] }) =>
      rules.flatMap(({ alert, expr }) => (alert === undefined ? [] : [String(expr)])),
    ),
  );
  return subjects
    .filter(({ expression }) => !expressions.some((text) => expression.test(text)))
    .map(({ what }) => what);
}
