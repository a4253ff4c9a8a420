import type { StackConfig } from "../../core/schema/schema";
import { untold, type AlertRules } from "../alerts";
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
