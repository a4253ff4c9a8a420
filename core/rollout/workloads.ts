import { createHash } from "node:crypto";
import type { KubernetesObject } from "../util/kubernetes";
import type { Limits } from "../util/settled";
import type { RolloutState } from "./state";

/** The kinds whose controllers say how far their pods are. */
export const workloadKinds = ["StatefulSet", "DaemonSet", "Deployment"] as const;
export type WorkloadKind = (typeof workloadKinds)[number];

/** Which workload is meant. */
export interface WorkloadId {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
}

/** The workload that an object is; undefined for an object of another kind. */
export function workloadOf({ kind, metadata: { namespace = "default", name } }: KubernetesObject) {
  const found = workloadKinds.find((workload) => workload === kind);
  return found && { kind: found, namespace, name };
}

/** As much of a live workload as tells whether its pods are ready and run what it says. */
export interface Workload {
  readonly metadata?: { readonly generation?: number };
  readonly spec?: {
    readonly replicas?: number;
    readonly podManagementPolicy?: string;
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly updateRevision?: string;
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberAvailable?: number;
  };
}

/** How many pods there are to be, how many run the last change, are ready, and are left of an earlier one: each kind has fields of its own for them. */
function countsOf(kind: WorkloadKind, { spec, status = {} }: Workload) {
  if (kind === "DaemonSet") {
    const { desiredNumberScheduled: wanted = 0, updatedNumberScheduled: updated = 0, numberAvailable = 0 } = status;
    return { wanted, updated, ready: numberAvailable, old: 0 };
  }
  const { replicas = 0, updatedReplicas: updated = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  const wanted = spec?.replicas ?? 1;
  if (kind === "StatefulSet") return { wanted, updated, ready: readyReplicas, old: 0 };
  return { wanted, updated, ready: availableReplicas, old: replicas - updated };
}

/** How many pods a workload's update strategy keeps at what they run, until somebody deletes them or lowers the partition. */
export function heldBack({ spec, status }: Workload): number {
  const { type, rollingUpdate } = spec?.updateStrategy ?? {};
  return type === "OnDelete"
    ? Math.max(spec?.replicas ?? 1, status?.desiredNumberScheduled ?? 0)
    : (rollingUpdate?.partition ?? 0);
}

/**
 * What keeps a workload from running its last change, ready or not.
 *
 * @param held how many pods need not run it
 * @returns undefined once the controller has seen the last change, and the other pods run it
 */
export function unrolled(kind: WorkloadKind, name: string, workload: Workload, held: number): string | undefined {
  const { metadata, status } = workload;
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)) return `${kind} ${name} has not begun to roll`;
  const { wanted, updated, old } = countsOf(kind, workload);
  const rolling = Math.max(0, wanted - held);
  if (updated < rolling) return `${kind} ${name} has rolled ${updated} of ${rolling} pods`;
  return old > 0 ? `${kind} ${name} still has ${old} old pods` : undefined;
}

/**
 * What a workload lacks, by the rules of `kubectl rollout status` (k8s.io/kubectl, pkg/polymorphichelpers/rollout_status.go).
 *
 * @param held how many pods need not run the last change, but have to be ready
 * @returns undefined once it runs its last change, and all its pods are ready
 */
export function unfinished(kind: WorkloadKind, name: string, workload: Workload, held: number): string | undefined {
  const { wanted, ready } = countsOf(kind, workload);
  const word = kind === "StatefulSet" ? "ready" : "available";
  const waiting = ready < wanted ? `${kind} ${name} has ${ready} of ${wanted} pods ${word}` : undefined;
  return unrolled(kind, name, workload, held) ?? waiting;
}

/** For a change that what comes after it relies on. The provider's own limit is ten minutes for each object; a rollout that goes on may take longer here. */
const long: Limits = { standstill: 300, failing: 60, whole: 1_800, unreadable: 10 };
/** For a look at what has been ready before: a node that is down must not hold up a change of policies. */
const short: Limits = { standstill: 15, failing: 5, whole: 120, unreadable: 5 };

/**
 * How long an update waits for SPIRE's workloads, and whether it ends where they are not ready: only with authentication on, and only where they are not those that have
 * been ready before.
 *
 * @param next what the update is to record
 * @param last what the last finished one has recorded
 */
export function patienceFor(next: RolloutState, last: RolloutState | undefined): { limits: Limits; ends: boolean } {
  const ends = next.auth && (!last?.auth || last.workloads !== next.workloads);
  return { limits: ends ? long : short, ends };
}

/** A fingerprint of the workloads among objects, which an update with authentication on records once they have been ready. */
export function fingerprintOf(manifests: readonly KubernetesObject[]): string {
  const workloads = manifests.filter((manifest) => workloadOf(manifest) !== undefined);
  return createHash("sha256").update(JSON.stringify(workloads)).digest("hex").slice(0, 16);
}

/** What an update says that ends because a workload of SPIRE's is not ready. */
export function notReady({ kind, namespace, name }: WorkloadId, left: string): string {
  const kubectl = `kubectl --namespace ${namespace}`;
  return (
    `SPIRE is not ready: ${left}. So what relies on it is left as it is. ` +
    `Look at: ${kubectl} get pods --output wide; ${kubectl} describe ${kind.toLowerCase()} ${name}. Then update again.`
  );
}
