import type { KubeConfig } from "@kubernetes/client-node";
import type { StackConfig } from "../core/schema/schema";
import { eachAgent } from "../live/probes/agents";
import { entriesOf, listIdentities } from "../live/probes/readiness";
import { endedBy, itemsOf, reasonOf } from "../live/client";
import type { Call } from "./calls";
import { identityLabelsOf, listConnections, openConnections, type Pod } from "./connections";
import type { Rules } from "./judge";
import type { Policy } from "./policies";

/** What the cluster says beside Hubble. */
export interface State {
  readonly pods: readonly Pod[];
  readonly registered: Rules["registered"];
  readonly policies: readonly Policy[];
  /** Connections to the pods that are open now. */
  readonly open: readonly Call[];
  /** What nobody could say. */
  readonly unknown: readonly string[];
}

/** In milliseconds, for each list: a large cluster has tens of thousands of identities. */
const patience = 15_000;
/** In seconds: an agent writes all of its connections at once. */
const dump = 30;

/**
 * Asks the API server, SPIRE's server and each of Cilium's agents. Reads pods of the namespace and of Cilium's, CiliumIdentities, NetworkPolicies, CiliumNetworkPolicies
 * and CiliumClusterwideNetworkPolicies; runs `cilium-dbg bpf ct list` and `spire-server entry show` in their own pods (`pods/exec`). Whoever does not answer is told of.
 */
export async function askCluster(config: StackConfig, kubeconfig: KubeConfig, namespace: string): Promise<State> {
  const unknown: string[] = [];
  const known = <T>(asked: Promise<T>, fallback: T, question: string): Promise<T> =>
    asked.catch((error: unknown) => {
      unknown.push(`${question} (${reasonOf(error)})`);
      return fallback;
    });
  const [identities, listed, policies] = await Promise.all([
    known(listIdentities(kubeconfig), undefined, "which identities there are"),
    known(listPods(kubeconfig, namespace), [], `which pods ${namespace} has`),
    known(listPolicies(kubeconfig, namespace), [], `which policies of others ${namespace} has`),
  ]);
  const pods = listed.map((pod) => ({ ...pod, labels: identityLabelsOf(pod.labels, namespace, identities ?? []) }));
  if (!config.auth) unknown.push("whether each identity has its entry in SPIRE (auth is off)");
  // That an external SPIRE cannot be asked is no surprise, and its servers' owners see to its entries.
  const asked = config.auth && identities && config.spire.install !== "external";
  const entries = asked
    ? await known(entriesOf(kubeconfig, config.spire), undefined, "whether each identity has its entry in SPIRE")
    : undefined;
  const agents = await known(
    eachAgent(config.cluster, async (run) => ({
      open: openConnections(await run(listConnections, dump), pods, identities ?? []),
    })),
    [],
    "which connections are open",
  );
  for (const agent of agents)
    if ("because" in agent) unknown.push(`which connections are open on ${agent.node} (${agent.because})`);
  return {
    pods,
    registered: identities && entries && { identities, entries: new Set(entries.keys()) },
    policies,
    open: agents.flatMap((agent) => ("open" in agent ? agent.open : [])),
    unknown: unknown.sort(),
  };
}

async function listPods(kubeconfig: KubeConfig, namespace: string): Promise<Pod[]> {
  const { CoreV1Api } = await import("@kubernetes/client-node");
  const options = await endedBy(AbortSignal.timeout(patience));
  const { items } = await kubeconfig.makeApiClient(CoreV1Api).listNamespacedPod({ namespace }, options);
  return items
    .filter(({ spec, status }) => !spec?.hostNetwork && status?.phase === "Running")
    .map(({ metadata, spec, status }) => ({
      addresses: (status?.podIPs ?? []).flatMap(({ ip }) => ip ?? []),
      node: spec?.nodeName ?? "no node",
      labels: metadata?.labels ?? {},
    }));
}

async function listPolicies(kubeconfig: KubeConfig, namespace: string): Promise<Policy[]> {
  const { CustomObjectsApi, NetworkingV1Api } = await import("@kubernetes/client-node");
  const custom = kubeconfig.makeApiClient(CustomObjectsApi);
  const cilium = { group: "cilium.io", version: "v2" };
  const options = await endedBy(AbortSignal.timeout(patience));
  const policiesIn = async (list: Promise<unknown>, kind: string): Promise<Policy[]> =>
    (await itemsOf<Policy>(list)).map((policy) => ({ ...policy, kind }));
  const lists = await Promise.all([
    policiesIn(
      kubeconfig.makeApiClient(NetworkingV1Api).listNamespacedNetworkPolicy({ namespace }, options),
      "NetworkPolicy",
    ),
    policiesIn(
      custom.listNamespacedCustomObject({ ...cilium, namespace, plural: "ciliumnetworkpolicies" }, options),
      "CiliumNetworkPolicy",
    ),
    policiesIn(
      custom.listClusterCustomObject({ ...cilium, plural: "ciliumclusterwidenetworkpolicies" }, options),
      "CiliumClusterwideNetworkPolicy",
    ),
  ]);
  return lists.flat();
}
