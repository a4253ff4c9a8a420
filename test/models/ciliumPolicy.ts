import { BlockList, isIPv6 } from "node:net";

/**
 * What Cilium makes of CiliumNetworkPolicies at ingress, as its documentation and its sources have it, and without a look at the compiler: default deny
 * for a selected pod, the union of all rules, labels, entities and networks as callers, ports, HTTP rules as full matches, authentication.
 */
export interface Packet {
  readonly from: Source;
  readonly to: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  readonly port: number;
  readonly protocol?: "TCP" | "UDP";
  readonly http?: { readonly method: string; readonly path: string };
}

/** A pod, or a peer with reserved identities. An address counts where Cilium has no better name for the peer than `world`. */
export type Source =
  | { readonly labels: Readonly<Record<string, string>> }
  | { readonly reserved: readonly string[]; readonly address?: string };

export type Verdict = "denied" | "allowed" | "allowed once authenticated";

interface Policy {
  readonly metadata: { readonly namespace?: string };
  readonly spec?: Spec;
  readonly specs?: readonly Spec[];
}
interface Spec {
  readonly endpointSelector: LabelSelector;
  readonly enableDefaultDeny?: { readonly ingress?: boolean };
  readonly ingress?: readonly Rule[];
}
interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}
interface Rule {
  readonly fromEndpoints?: readonly LabelSelector[];
  readonly fromEntities?: readonly string[];
  readonly fromCIDR?: readonly string[];
  readonly toPorts?: readonly PortRule[];
  readonly authentication?: { readonly mode: string };
}
interface PortRule {
  readonly ports: readonly { readonly port: string; readonly protocol?: string }[];
  readonly rules?: { readonly http?: readonly { readonly method?: string; readonly path?: string }[] };
}

/** @throws Error for a policy that Cilium refuses */
export function evaluate(policies: readonly Policy[], packet: Packet): Verdict {
  const selecting = policies
    .flatMap(({ metadata, spec, specs = [] }) =>
      [...(spec ? [spec] : []), ...specs].map((each) => ({ metadata, spec: each })),
    )
    .filter(
      ({ metadata, spec }) =>
        metadata.namespace === packet.to.namespace && matchesLabels(spec.endpointSelector, packet.to.labels),
    );
  // A direction without rules is not enforced: `ingress: []` does nothing.
  const denies = selecting.some(
    ({ spec }) => (spec.ingress ?? []).length > 0 && (spec.enableDefaultDeny?.ingress ?? true),
  );
  const applying = selecting
    .flatMap(({ metadata, spec }) => (spec.ingress ?? []).map((rule) => ({ rule, namespace: metadata.namespace })))
    .filter(({ rule, namespace }) => fromMatches(rule, namespace ?? "", packet.from))
    .flatMap(({ rule }) => portsOf(rule, packet).map((http) => ({ http, mode: rule.authentication?.mode })));

  // Rules for HTTP deny what none of them names, even where nothing else is denied; a rule without them voids them.
  const free = applying.some(({ http }) => http.length === 0);
  const named = applying.flatMap(({ http }) => http).some((http) => packet.http && matchesHttp(http, packet.http));
  const passesHttp = applying.length === 0 || !packet.http || free || named;
  if ((denies && applying.length === 0) || !passesHttp) return "denied";

  const modes = new Set(applying.map(({ mode }) => mode));
  if (modes.has("required") && modes.has("disabled")) throw new Error("cannot merge conflicting authentication types");
  if (!modes.has("required")) return "allowed";
  // A reserved identity has no SVID, so its handshake never succeeds.
  return "labels" in packet.from ? "allowed once authenticated" : "denied";
}

/** The HTTP rules of each entry of `toPorts` for the packet's port; an empty list is a rule without any. */
function portsOf({ fromEndpoints, fromEntities, fromCIDR, toPorts }: Rule, { port, protocol = "TCP" }: Packet) {
  // `{}` names neither a caller nor a port, and so admits nobody.
  if (!toPorts) return (fromEndpoints ?? fromEntities ?? fromCIDR) ? [[]] : [];
  return toPorts
    .filter(({ ports }) =>
      ports.some((p) => Number(p.port) === port && ["ANY", protocol].includes(p.protocol ?? "ANY")),
    )
    .map(({ rules }) => rules?.http ?? []);
}

function fromMatches({ fromEndpoints = [], fromEntities = [], fromCIDR = [] }: Rule, own: string, from: Source) {
  // Go drops an empty list, so that it is none; and a rule without callers is for all of them.
  const kinds = [fromEndpoints, fromEntities, fromCIDR].filter((list) => list.length > 0).length;
  if (kinds > 1) throw new Error("combining several kinds of callers in a rule is not supported");
  if (kinds === 0) return true;
  if ("labels" in from) return fromEndpoints.some((selector) => matchesPeer(selector, own, from.labels));
  const { address } = from;
  const isOutside = from.reserved.includes("world") && address !== undefined;
  return (
    fromEntities.some((entity) => entity === "all" || from.reserved.includes(entity)) ||
    (isOutside && fromCIDR.some((cidr) => isIn(cidr, address)))
  );
}

const namespaceLabel = "io.kubernetes.pod.namespace";

/** A selector of callers without a namespace is about the policy's own. */
function matchesPeer({ matchLabels = {} }: LabelSelector, own: string, labels: Readonly<Record<string, string>>) {
  const wanted = Object.fromEntries(
    Object.entries(matchLabels).map(([key, value]) => [key.replace(/^k8s:/, ""), value]),
  );
  return matchesLabels({ matchLabels: { [namespaceLabel]: own, ...wanted } }, labels);
}

const matchesLabels = ({ matchLabels = {} }: LabelSelector, labels: Readonly<Record<string, string>>) =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value);

function matchesHttp(rule: { method?: string; path?: string }, { method, path }: { method: string; path: string }) {
  const full = (pattern: string | undefined, value: string) =>
    pattern === undefined || new RegExp(`^(?:${pattern})$`, "s").test(value);
  return full(rule.method, method) && full(rule.path, path);
}

function isIn(cidr: string, address: string) {
  const [network = "", prefix = ""] = cidr.split("/");
  const version = (a: string) => (isIPv6(a) ? "ipv6" : "ipv4");
  if (version(network) !== version(address)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), version(network));
  return list.check(address, version(address));
}
