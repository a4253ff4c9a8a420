import { isWorkload, type Entity, type WorkloadCaller } from "../schema/intent";
import { isInNetwork } from "../util/network";
import { type Intent, type Phase, isClosed } from "../schema/schema";
import { permits, type HttpRequest } from "./operations";

/**
 * Who calls: a workload, or what is none. Of the latter all that it is, since one address can be several: an API server may be `kube-apiserver` and
 * `host`, or `kube-apiserver` and `world`. `address` counts for `world` alone.
 */
export type Peer =
  | Readonly<Pick<WorkloadCaller, "trustDomain" | "namespace" | "serviceAccount">>
  | { readonly entities: readonly Entity[]; readonly address?: string };

/** A TCP connection to a pod or, with `http`, one request on it. */
export interface Call {
  readonly from: Peer;
  readonly to: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  /** The container's. */
  readonly port: number;
  readonly http?: HttpRequest;
}

export interface Decision {
  readonly allowed: boolean;
  /** Whether the caller must authenticate for that. False where the call is not allowed. */
  readonly mustAuthenticate: boolean;
}

/**
 * What the intents mean, whatever enforces them: may this call be made, and must the caller authenticate? Without `http` it is the connection that
 * is judged: a caller that may do something on it may connect. Cilium admits the pod's own node beside what the intents say, for the kubelet's probes.
 *
 * @param phases of the namespaces, as they are in force; one that is missing is `off`
 */
export function decide(intents: readonly Intent[], phases: Readonly<Record<string, Phase>>, call: Call): Decision {
  const phase = phases[call.to.namespace] ?? "off";
  if (!isClosed(phase)) return { allowed: true, mustAuthenticate: false };
  const { from, http } = call;
  const admitting = intents
    .filter((intent) => isTarget(intent, call))
    .flatMap(({ callers, operations }) =>
      callers.filter((caller) => isCaller(caller, from)).map((caller) => ({ caller, operations })),
    );
  const allowed = admitting.some(({ operations }) => !http || !operations || permits(operations, http));
  // Authentication is of the connection, so it does not depend on what is then requested.
  const asked = admitting.some(({ caller }) => isWorkload(caller) && caller.withoutAuthentication === undefined);
  return { allowed, mustAuthenticate: allowed && asked && phase === "require" };
}

/** Whether an intent is about the pod and the port of a call. */
export const isTarget = ({ target, port }: Intent, call: Call): boolean =>
  target.namespace === call.to.namespace &&
  port === call.port &&
  Object.entries(target.selector).every(([key, value]) => call.to.labels[key] === value);

/** Whether a peer is one that a caller stands for. */
export function isCaller(caller: Intent["callers"][number], peer: Peer): boolean {
  if (!("entities" in peer))
    return (
      isWorkload(caller) &&
      caller.trustDomain === peer.trustDomain &&
      caller.namespace === peer.namespace &&
      (caller.serviceAccount === "*" || caller.serviceAccount === peer.serviceAccount)
    );
  if (isWorkload(caller)) return false;
  if ("entity" in caller) return peer.entities.includes(caller.entity);
  return peer.entities.includes("world") && peer.address !== undefined && isInNetwork(peer.address, caller.cidr);
}
