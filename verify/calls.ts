import type { Peer } from "../core/access/decide";
import type { Entity, Selector } from "../core/schema/intent";
import { eventTypes, type Endpoint, type Flow, type Timestamp } from "./observer";

/**
 * Who calls, as the intents tell callers apart. `ownNode`: from the node of the pod itself, which Cilium always admits. `reserved`: an identity of Cilium's that no
 * intent can name, such as `init` for a pod that has no labels yet.
 */
export type Caller = Peer & { readonly ownNode?: true; readonly reserved?: string };

export type Protocol = "TCP" | "UDP" | "SCTP" | "ICMP" | "other";

/** Somebody who was seen to begin to call a pod. */
export interface Call {
  readonly from: Caller;
  /** The pod's labels, as far as they are part of its identity. */
  readonly to: Selector;
  /** The container's; 0 where the protocol has none. */
  readonly port: number;
  readonly protocol: Protocol;
}

/** What one flow tells of a call. */
export interface Sighting extends Call {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Whether the caller is a Job, which is over soon. */
  readonly job: boolean;
  /** Whether Cilium has asked SPIRE before it admitted this. */
  readonly authenticated: boolean;
}

/**
 * Reads a flow. A connection is seen when it begins: by Cilium's verdict, by the first packet that gets to the pod, or by one that was dropped.
 *
 * @param namespace whose pods are called
 * @returns undefined for what is no beginning of a call to a pod of the namespace: replies, later packets, what the caller's own node decided
 */
export function sightingOf(flow: Flow, namespace: string): Sighting | undefined {
  const { source, destination, l4 } = flow;
  if (!source || !destination || namespaceOf(destination) !== namespace || !begins(flow)) return undefined;
  return {
    from: callerOf(source.labels, flow.IP?.source),
    to: targetOf(destination.labels),
    ...transportOf(l4),
    at: millisecondsOf(flow.time),
    job: source.workloads.some(({ kind }) => kind === "Job" || kind === "CronJob"),
    authenticated: flow.auth_type === "SPIRE",
  };
}

export const millisecondsOf = (time: Timestamp | null): number =>
  time ? time.seconds * 1000 + Math.floor(time.nanos / 1e6) : 0;

function begins({ event_type, is_reply, traffic_direction, trace_reason, l4 }: Flow): boolean {
  if (is_reply?.value) return false;
  switch (event_type?.type) {
    // Cilium decides about the first packet of a connection, and about each that it drops.
    case eventTypes.policyVerdict:
      return traffic_direction === "INGRESS" && isFirst(l4);
    case eventTypes.drop:
      return traffic_direction === "INGRESS" && isFirst(l4);
    // Also seen on the caller's node, where alone it is known what workload the caller is.
    case eventTypes.trace:
      return trace_reason === "NEW";
    default:
      return false;
  }
}

/** Whether a TCP packet asks for a connection. Other protocols have no such packet. */
const isFirst = (l4: Flow["l4"]): boolean => {
  if (l4?.protocol !== "TCP") return true;
  const flags = l4.TCP?.flags;
  return !flags || (flags.SYN && !flags.ACK);
};

function transportOf(l4: Flow["l4"]): { protocol: Protocol; port: number } {
  switch (l4?.protocol) {
    case "TCP":
    case "UDP":
    case "SCTP":
      return { protocol: l4.protocol, port: l4[l4.protocol]?.destination_port ?? 0 };
    case "ICMPv4":
    case "ICMPv6":
      return { protocol: "ICMP", port: 0 };
    default:
      return { protocol: "other", port: 0 };
  }
}

const label = (labels: readonly string[], key: string): string | undefined =>
  labels.find((label) => label.startsWith(`k8s:${key}=`))?.slice(`k8s:${key}=`.length);

const namespaceLabel = "io.kubernetes.pod.namespace";
const accountLabel = "io.cilium.k8s.policy.serviceaccount";

const namespaceOf = ({ namespace, labels }: Endpoint) => label(labels, namespaceLabel) ?? namespace;

/** Cilium's reserved identities that an intent can name (pkg/identity/reserved.go, pkg/labels). */
const entityOf: Readonly<Record<string, Entity>> = {
  host: "host",
  "remote-node": "host",
  "kube-apiserver": "kube-apiserver",
  ingress: "ingress",
  world: "world",
  "world-ipv4": "world",
  "world-ipv6": "world",
};

/**
 * The caller whom labels of an identity tell.
 *
 * @param labels with their sources
 * @param address where the caller is, which counts for what is outside the cluster
 */
export function callerOf(labels: readonly string[], address: string | undefined): Caller {
  const namespace = label(labels, namespaceLabel);
  if (namespace !== undefined) return { namespace, serviceAccount: label(labels, accountLabel) ?? "default" };
  const reserved = labels.flatMap((label) => (label.startsWith("reserved:") ? [label.slice("reserved:".length)] : []));
  // An identity of addresses alone, which a policy or a DNS name has made.
  if (reserved.length === 0 && labels.some((label) => /^(cidr|cidrgroup|fqdn):/.test(label))) reserved.push("world");
  const entities = [...new Set(reserved.flatMap((name) => entityOf[name] ?? []))].sort();
  if (entities.length === 0) return { entities, reserved: reserved[0] ?? "unknown" };
  return {
    entities,
    ...(entities.includes("world") && address ? { address } : {}),
    ...(reserved.includes("host") ? { ownNode: true as const } : {}),
  };
}

/** A pod's own labels, without those that Cilium has added. */
export function targetOf(labels: readonly string[]): Selector {
  const own = labels.flatMap((label): [string, string][] => {
    const [, key, value] = /^k8s:([^=]+)=(.*)$/s.exec(label) ?? [];
    return key === undefined || value === undefined || /^io\.(cilium|kubernetes)\./.test(key) ? [] : [[key, value]];
  });
  return Object.fromEntries(own.sort(([a], [b]) => (a < b ? -1 : 1)));
}
