import { agentSelector } from "../../core/schema/ciliumNames";
import { ciliumOf, type StackConfig } from "../../core/schema/schema";
import { few } from "../../core/util/few";
import { spire as names } from "../../core/schema/spireNames";
import { endedBy, kubeconfigAt, reasonOf } from "../client";
import { untilSettled, type Left, type Limits } from "../../core/util/settled";

/** Pods by the node that they run on. */
export interface NodePod {
  readonly node: string;
  readonly ready: boolean;
}

/** The DaemonSet has been waited for: what is still missing then is hardly on its way. */
const limits: Limits = { standstill: 30, whole: 300, unreadable: 10 };
/** How long a look may take, in milliseconds. */
const patience = 5_000;
/** What keeps SPIRE from being ready wherever Cilium is. A node whose Cilium is not ready either has other problems, and is nobody's to wait for. */
export function withoutSpire(cilium: readonly NodePod[], spire: readonly NodePod[]): string | undefined {
  const served = new Set(spire.filter(({ ready }) => ready).map(({ node }) => node));
  const nodes = [
    ...new Set(cilium.filter(({ ready, node }) => ready && !served.has(node)).map(({ node }) => node)),
  ].sort();
  if (nodes.length === 0) return undefined;
  return `Cilium runs on ${few(nodes)}, but no SPIRE agent is ready there`;
}

/**
 * Waits until SPIRE is ready on every node that Cilium runs on. A node without it authenticates nobody, and Kubernetes waits only for those that SPIRE's DaemonSet
 * has chosen.
 *
 * @param tell is told what is waited for, whenever that changes
 * @returns undefined, or what was left when it was given up
 */
export const untilOnEveryNode = (
  config: StackConfig,
  tell: (what: string) => void,
  pause: (milliseconds: number) => Promise<unknown>,
  now?: () => number,
): Promise<Left> => untilSettled(() => look(config), limits, tell, pause, now);

async function look({ cluster, spire }: StackConfig): Promise<Left> {
  const kubeconfig = await kubeconfigAt(cluster.context);
  if (!kubeconfig) return { because: `no kubeconfig context ${cluster.context}` };
  const { CoreV1Api } = await import("@kubernetes/client-node");
  const core = kubeconfig.makeApiClient(CoreV1Api);
  const options = await endedBy(AbortSignal.timeout(patience));
  const podsOf = async (namespace: string, labelSelector: string): Promise<NodePod[]> => {
    const { items } = await core.listNamespacedPod({ namespace, labelSelector }, options);
    return items.map(({ spec, status }) => ({
      node: spec?.nodeName ?? "",
      ready: status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false,
    }));
  };
  try {
    const [cilium, agents] = await Promise.all([
      podsOf(ciliumOf(cluster).namespace, agentSelector),
      podsOf(spire.agentNamespace, `app.kubernetes.io/name=${names.agent}`),
    ]);
    const what = withoutSpire(cilium, agents);
    return what === undefined ? undefined : { what };
  } catch (error) {
    return { because: reasonOf(error) };
  }
}
