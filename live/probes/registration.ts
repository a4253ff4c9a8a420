import type { StackConfig } from "../../core/schema/schema";
import { endedBy, itemsOf, kubeconfigAt, reasonOf } from "../client";
import { registrationsOf, type Registration } from "../registration";

/** How often is asked, and how long it may all take, in milliseconds: the controller-manager goes over everything every ten seconds. */
const interval = 2_000;
const patience = 12_000;

/**
 * Says what became of the stack's registrations, once the controller-manager has said something of each, or time is up. Reads clusterspiffeids and
 * clusterstaticentries; never throws.
 *
 * @param sleep resolves after some milliseconds
 */
export async function tellRegistration(
  { cluster, spire }: StackConfig,
  say: { readonly info: (text: string) => void; readonly warn: (text: string) => void },
  sleep: (milliseconds: number) => Promise<unknown>,
): Promise<void> {
  const ours = new Set([
    ...spire.workloads.map(({ name }) => `ClusterSPIFFEID ${name}`),
    ...spire.entries.map(({ name }) => `ClusterStaticEntry ${name}`),
  ]);
  try {
    let told = registrationsOf([]);
    for (let waited = 0; waited < patience; waited += interval) {
      const all = await askRegistrations(cluster);
      told = registrationsOf(all.filter(({ kind, name }) => ours.has(`${kind} ${name}`)));
      if (told.pending.length === 0) break;
      await sleep(interval);
    }
    if (told.good.length > 0) say.info(`Registered with SPIRE: ${told.good.join("; ")}`);
    told.bad.forEach(say.warn);
    if (told.pending.length > 0) say.warn(`Not known yet to SPIRE's controller-manager: ${told.pending.join(", ")}`);
  } catch (error) {
    say.info(`Nobody could say what became of the identities (${reasonOf(error)})`);
  }
}

async function askRegistrations({ context }: StackConfig["cluster"]): Promise<Registration[]> {
  const kubeconfig = await kubeconfigAt(context);
  if (!kubeconfig) throw new Error(`no kubeconfig context ${context}`);
  const { CustomObjectsApi } = await import("@kubernetes/client-node");
  const api = kubeconfig.makeApiClient(CustomObjectsApi);
  const list = async (kind: Registration["kind"], plural: string): Promise<Registration[]> => {
    const of = { group: "spire.spiffe.io", version: "v1alpha1", plural };
    const items = itemsOf<{ metadata: { name: string }; status?: Registration["status"] }>(
      api.listClusterCustomObject(of, await endedBy(AbortSignal.timeout(patience))),
    );
    return (await items).map(({ metadata: { name }, status = {} }) => ({ kind, name, status }));
  };
  const lists = await Promise.all([
    list("ClusterSPIFFEID", "clusterspiffeids"),
    list("ClusterStaticEntry", "clusterstaticentries"),
  ]);
  return lists.flat();
}
