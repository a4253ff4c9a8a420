import type { KubeConfig } from "@kubernetes/client-node";
import type { StackConfig } from "../../core/schema/schema";
import { serverPods, spire as names } from "../../core/schema/spireNames";
import { askProviders } from "./agents";
import { endedBy, itemsOf, kubeconfigAt, reasonOf } from "../client";
import { execIn } from "../exec";
import type { Asked, LabelledIdentity } from "../readiness";

/** How long the list of identities may take, in milliseconds: a large cluster has tens of thousands. */
const patience = 15_000;

/**
 * Asks Cilium's agents, the API server and SPIRE's server what tells whether every pod could authenticate. Reads pods and CiliumIdentities, and runs `cilium-dbg
 * status` and `spire-server entry show` in their own pods (`pods/exec`).
 */
export async function askReadiness({ cluster, spire }: StackConfig): Promise<Asked> {
  const because = (error: unknown) => ({ because: reasonOf(error) });
  const kubeconfig = await kubeconfigAt(cluster.context);
  if (!kubeconfig) {
    const none = because(new Error(`no kubeconfig context ${cluster.context}`));
    return { agents: none, identities: none, entries: none };
  }
  const [agents, identities] = await Promise.all([
    askProviders(cluster).catch(because),
    listIdentities(kubeconfig).catch(because),
  ]);
  const nobody = "length" in identities && identities.length === 0;
  const entries = nobody ? new Map<string, number>() : await entriesOf(kubeconfig, spire).catch(because);
  return { agents, identities, entries };
}

/** None where Cilium has never run, or keeps its identities elsewhere. */
export async function listIdentities(kubeconfig: KubeConfig): Promise<LabelledIdentity[]> {
  const { CustomObjectsApi } = await import("@kubernetes/client-node");
  const list = kubeconfig
    .makeApiClient(CustomObjectsApi)
    .listClusterCustomObject(
      { group: "cilium.io", version: "v2", plural: "ciliumidentities" },
      await endedBy(AbortSignal.timeout(patience)),
    );
  const items = await itemsOf<{
    metadata: { name: string; labels?: Readonly<Record<string, string>> };
    "security-labels"?: Readonly<Record<string, string>>;
  }>(list);
  return items.map(({ metadata: { name, labels = {} }, "security-labels": securityLabels = {} }) => ({
    number: name,
    namespace: labels["io.kubernetes.pod.namespace"] ?? "no namespace",
    labels: securityLabels,
  }));
}

/** As Cilium's operator writes them: `/identity/<number>`, under its own selector. */
export async function entriesOf(
  kubeconfig: KubeConfig,
  { install, replicas }: Pick<StackConfig["spire"], "install" | "replicas">,
): Promise<Map<string, number>> {
  if (install === "external") throw new Error("SPIRE's server is not of this stack");
  const show = await firstAnswer(
    // Servers share what they know, so that any of them says it.
    serverPods(replicas),
    (pod) => showEntries(kubeconfig, pod),
  );
  const { entries } = JSON.parse(show) as { entries: { spiffe_id: { path: string }; created_at: string }[] };
  return new Map(
    entries.map(({ spiffe_id, created_at }) => [spiffe_id.path.replace("/identity/", ""), Number(created_at)]),
  );
}

function showEntries(kubeconfig: KubeConfig, pod: string): Promise<string> {
  const place = { namespace: names.namespace, pod, container: names.server };
  const show = ["entry", "show", "-selector", "cilium:mutual-auth", "-output", "json"];
  return execIn(kubeconfig, place, ["/opt/spire/bin/spire-server", ...show], 15);
}

/**
 * What the first one says that says anything.
 *
 * @param pods at least one
 * @throws what the last one has thrown
 */
export async function firstAnswer<T>(pods: readonly string[], ask: (pod: string) => Promise<T>): Promise<T> {
  const [pod = "", ...others] = pods;
  if (others.length === 0) return ask(pod);
  return ask(pod).catch(() => firstAnswer(others, ask));
}
