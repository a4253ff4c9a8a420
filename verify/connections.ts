import type { LabelledIdentity } from "../live/readiness";
import { callerOf, targetOf, type Call, type Caller } from "./calls";

/** Lists the connections that pass a node, whatever their state (cilium-dbg/cmd/bpf_ct_list.go; the same in 1.18, 1.19 and 1.20). */
export const listConnections = ["cilium-dbg", "bpf", "ct", "list", "global", "--output", "json"] as const;

/** An entry of Cilium's connection tracking (pkg/maps/ctmap: CtMapRecord), as Go writes it: addresses are lists of bytes. */
interface Entry {
  readonly Key: {
    readonly DestAddr: readonly number[];
    readonly SourceAddr: readonly number[];
    readonly DestPort: number;
    readonly NextHeader: number;
    readonly Flags: number;
  };
  readonly Value: { readonly Flags: number; readonly SourceSecurityID: number };
}

/** A pod of the namespace. */
export interface Pod {
  readonly addresses: readonly string[];
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** pkg/tuple: TUPLE_F_IN alone, for a connection to a pod of this node, and none to a Service. */
const incoming = 1;
/** pkg/maps/ctmap/types.go: RxClosing, TxClosing, and SeenNonSyn, without which nobody has answered. */
const [closing, answered] = [0b11, 0b10000];
const tcp = 6;

/**
 * The open TCP connections to pods. An entry outlives a peer that went away without a word, for two hours by default (CT_CONNECTION_LIFETIME_TCP).
 *
 * @param output of `listConnections`
 * @throws Error where it is something else
 */
export function openConnections(output: string, pods: readonly Pod[], identities: readonly LabelledIdentity[]): Call[] {
  const podAt = new Map(pods.flatMap((pod) => pod.addresses.map((address) => [address, pod] as const)));
  const labelsOf = new Map(identities.map(({ number, labels }) => [number, labels]));
  const entries = JSON.parse(output) as readonly Entry[] | null;
  return (entries ?? []).flatMap(({ Key, Value }) => {
    if (Key.NextHeader !== tcp || Key.Flags !== incoming) return [];
    if ((Value.Flags & closing) !== 0 || (Value.Flags & answered) === 0) return [];
    // The addresses are those of an answer (pkg/tuple/ipv4.go), the ports are not (cilium#5848).
    const pod = podAt.get(addressOf(Key.SourceAddr));
    if (!pod) return [];
    const from = callerWith(Value.SourceSecurityID, addressOf(Key.DestAddr), labelsOf);
    return [{ from, to: pod.labels, port: swapped(Key.DestPort), protocol: "TCP" as const }];
  });
}

/** Names of Cilium's reserved identities (pkg/identity/numericidentity.go). */
const reserved = [
  "unknown",
  "host",
  "world",
  "unmanaged",
  "health",
  "init",
  "remote-node",
  "kube-apiserver",
  "ingress",
];
const worlds = [9, 10];

/** Identities of one node alone (pkg/identity: IdentityScopeLocal, IdentityScopeRemoteNode) have no object that tells their labels. */
function callerWith(
  identity: number,
  address: string,
  labelsOf: ReadonlyMap<string, LabelledIdentity["labels"]>,
): Caller {
  const labels = labelsOf.get(String(identity));
  if (labels)
    return callerOf(
      Object.entries(labels).map(([key, value]) => `${key}=${value}`),
      address,
    );
  const scope = identity >>> 24;
  const name =
    scope === 1 || worlds.includes(identity)
      ? "world"
      : scope === 2
        ? "remote-node"
        : (reserved[identity] ?? "unknown");
  return callerOf([`reserved:${name}`], address);
}

/** The labels of a pod that are part of its identity, as flows show them: those of its identity with the most labels in common. */
export function identityLabelsOf(
  labels: Readonly<Record<string, string>>,
  namespace: string,
  identities: readonly LabelledIdentity[],
): Readonly<Record<string, string>> {
  const targets = identities
    .filter((identity) => identity.namespace === namespace)
    .map((identity) => targetOf(Object.entries(identity.labels).map(([key, value]) => `${key}=${value}`)))
    .filter((target) => Object.entries(target).every(([key, value]) => labels[key] === value));
  return targets.sort((a, b) => Object.keys(b).length - Object.keys(a).length)[0] ?? labels;
}

/** Written in the network's order of bytes, and read in the processor's: those on which Cilium runs have the other one. */
const swapped = (port: number) => ((port & 0xff) << 8) | (port >>> 8);

/** As Go and Kubernetes write addresses: IPv6 by RFC 5952. */
export function addressOf(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
