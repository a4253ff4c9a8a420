import type { StackConfig } from "../../core/schema/schema";
import { endedBy, kubeconfigAt, reasonOf } from "../client";

/** How many pods run in a namespace, or why nobody knows. */
export type Running = number | { readonly because: string };

/** How long each list may take, in milliseconds. */
const patience = 5_000;

/** Counts the running pods of namespaces: whom a default deny or a demand for authentication could cut off. Reads pods; never throws. */
export async function askPods(
  { context }: StackConfig["cluster"],
  namespaces: readonly string[],
): Promise<Record<string, Running>> {
  if (namespaces.length === 0) return {};
  const kubeconfig = await kubeconfigAt(context);
  if (!kubeconfig) return {};
  const { CoreV1Api } = await import("@kubernetes/client-node");
  const core = kubeconfig.makeApiClient(CoreV1Api);
  const fieldSelector = "status.phase=Running";
  const count = async (namespace: string): Promise<[string, Running]> => {
    try {
      const options = await endedBy(AbortSignal.timeout(patience));
      const { items } = await core.listNamespacedPod({ namespace, fieldSelector }, options);
      return [namespace, items.length];
    } catch (error) {
      return [namespace, { because: reasonOf(error) }];
    }
  };
  return Object.fromEntries(await Promise.all(namespaces.map(count)));
}
