import type { StackConfig } from "../../core/schema/schema";
import { csiDriver } from "../../components/spire/addons/csi";
import { isOwn } from "../../core/util/kubernetes";
import { absent, endedBy, kubeconfigAt, reasonOf } from "../client";

/** Who else has the CSI driver that a stack is to bring, by the names under which they write; or why nobody knows. */
export type OthersDriver = { readonly writtenBy: string } | { readonly because: string };

/** How long it may take, in milliseconds. */
const patience = 5_000;

/**
 * Whether a cluster has the CSI driver already, and from somebody else: the kubelets know one of a name, and what it gives pods would become another SPIRE's socket.
 * Reads the CSIDriver; never throws.
 *
 * @returns undefined where there is none, and where it is this program's
 */
export async function askCsiDriver({ context }: StackConfig["cluster"]): Promise<OthersDriver | undefined> {
  try {
    const kubeconfig = await kubeconfigAt(context);
    if (!kubeconfig) return { because: `no kubeconfig context ${context}` };
    const { StorageV1Api } = await import("@kubernetes/client-node");
    const options = await endedBy(AbortSignal.timeout(patience));
    const found = await absent(kubeconfig.makeApiClient(StorageV1Api).readCSIDriver({ name: csiDriver }, options));
    if (!found || isOwn(found.metadata?.labels)) return undefined;
    const managers = (found.metadata?.managedFields ?? []).flatMap(({ manager }) => manager ?? []);
    return { writtenBy: [...new Set(managers)].join(", ") || "somebody" };
  } catch (error) {
    return { because: reasonOf(error) };
  }
}
