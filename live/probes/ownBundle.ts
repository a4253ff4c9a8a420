import type { StackConfig } from "../../core/schema/schema";
import { absent, endedBy, kubeconfigAt } from "../client";
import { spire as names } from "../../core/schema/spireNames";

/** How long the question may take, in milliseconds. */
const patience = 10_000;

/** This cluster's own bundle, as SPIRE's server publishes it; undefined where there is none yet, or nobody can read it. */
export async function askOwnBundle({ cluster, spire }: StackConfig): Promise<string | undefined> {
  try {
    const kubeconfig = await kubeconfigAt(cluster.context);
    if (!kubeconfig) return undefined;
    const { CoreV1Api } = await import("@kubernetes/client-node");
    const published = await absent(
      kubeconfig
        .makeApiClient(CoreV1Api)
        .readNamespacedConfigMap(
          { name: names.bundle.configMap, namespace: spire.agentNamespace },
          await endedBy(AbortSignal.timeout(patience)),
        ),
    );
    return published?.data?.[names.bundle.key];
  } catch {
    return undefined;
  }
}
