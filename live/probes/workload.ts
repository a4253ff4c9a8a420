import { absent, endedBy, kubeconfigAt, reasonOf } from "../client";
import { troubleOf, type Pod } from "../podTrouble";
import type { Left } from "../../core/util/settled";
import { heldBack, unfinished, type Workload, type WorkloadId } from "../../core/rollout/workloads";

/** How long a look may take, in milliseconds. */
const patience = 5_000;

type Live = Workload & {
  readonly spec?: { readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> } };
};

/** Reads what a workload lacks, and why, as its pods say. Never throws. */
export async function askWorkload(context: string, id: WorkloadId): Promise<Left> {
  const { kind, namespace, name } = id;
  try {
    const kubeconfig = await kubeconfigAt(context);
    if (!kubeconfig) return { because: `no kubeconfig context ${context}` };
    const { AppsV1Api, CoreV1Api } = await import("@kubernetes/client-node");
    const apps = kubeconfig.makeApiClient(AppsV1Api);
    const options = await endedBy(AbortSignal.timeout(patience));
    const read = {
      StatefulSet: () => apps.readNamespacedStatefulSet({ namespace, name }, options),
      DaemonSet: () => apps.readNamespacedDaemonSet({ namespace, name }, options),
      Deployment: () => apps.readNamespacedDeployment({ namespace, name }, options),
    } as const;
    const live = (await absent<unknown>(read[kind]())) as Live | undefined;
    if (!live) return { what: `${kind} ${name} is not there` };
    const what = unfinished(kind, name, live, heldBack(live));
    if (what === undefined) return undefined;
    const labelSelector = Object.entries(live.spec?.selector?.matchLabels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(",");
    // Without their pods there is still something to wait for.
    const pods = await kubeconfig
      .makeApiClient(CoreV1Api)
      .listNamespacedPod({ namespace, labelSelector }, options)
      .then(({ items }) => items as readonly Pod[])
      .catch(() => []);
    return { what, ...troubleOf(id, live, pods) };
  } catch (error) {
    return { because: reasonOf(error) };
  }
}
