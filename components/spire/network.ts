import { owned, type KubernetesObject } from "../../core/util/kubernetes";
import { bundlePort } from "./registration/federation";
import { metricsIngress } from "./addons/monitoring";
import { callTo, type Call } from "./plugins/parts";
import { selectorOf } from "./pods";
import { serverParts } from "./server";
import type { ManagedSpire } from "./settings";
import { spire } from "../../core/schema/spireNames";

const metadataOf = (name: string) => ({ name, namespace: spire.namespace, ...owned(spire.server) });

/**
 * Nobody reaches the server but on its own port, where it wants to know who asks, and where there are peers on the one for its bundle, which is no secret; the
 * kubelet's probes pass as they do everywhere. From anywhere, since agents and Cilium's operator come from the nodes' addresses, which network policies tell apart
 * badly. Whom it calls is for {@link serverEgressPolicy}.
 */
export function serverNetworkPolicy({ federation, monitoring }: ManagedSpire): KubernetesObject {
  const ports = [spire.serverPort, ...(federation ? [bundlePort] : [])];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadataOf(spire.server),
    spec: {
      podSelector: { matchLabels: selectorOf(spire.server) },
      policyTypes: ["Ingress"],
      ingress: [{ ports: ports.map((port) => ({ port, protocol: "TCP" })) }, ...metricsIngress(monitoring)],
    },
  };
}

/**
 * Lets the servers call the API server and whom their configuration names, and nobody else. Of Cilium's own kind, since nothing in a NetworkPolicy means the API
 * server: it is judged by the address and the port behind its Service, which differ from cluster to cluster, and an `ipBlock` means no node to Cilium, on which it
 * may be (Documentation/security/policy/layer3.rst). It demands no authentication, which needs the server.
 */
export function serverEgressPolicy(args: ManagedSpire): KubernetesObject {
  const peers = (args.federation?.peers ?? []).map(({ endpoint }) => callTo(endpoint));
  return {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: metadataOf(`${spire.server}-egress`),
    spec: {
      description: "Whom SPIRE's servers may call",
      endpointSelector: { matchLabels: selectorOf(spire.server) },
      egress: egressRules([...serverParts(args).calls, ...peers]),
    },
  };
}

/** DNS servers behind their Service: on OpenShift they listen on 5353. */
const dns = ["53", "5353"].map((port) => ({ port, protocol: "ANY" }));
const tcp = (...ports: readonly number[]) => [
  { ports: ports.map((port) => ({ port: String(port), protocol: "TCP" })) },
];
/** Who a pod is, clouds say under link-local addresses; some of what answers there runs on the node itself. */
const metadataService = [{ toCIDR: ["169.254.0.0/16"] }, { toEntities: ["host"] }].map((to) => ({
  ...to,
  toPorts: tcp(80),
}));

/**
 * A port is let through wherever it is: Cilium knows names outside of the cluster only by a proxy for DNS, and SPIRE is not to depend on one. A Service of the cluster
 * may have another port than its pods, which is the one that counts, so that all of the pods of its namespace may be called. (`toServices` would name the Service,
 * but a rule of it and of ports is for everybody where there is no such Service: cilium 1.19 pkg/policy/types/policyentry.go.)
 */
function egressRules(calls: readonly Call[]): object[] {
  const addresses = calls.filter((call) => call !== "cloud");
  const inCloud = calls.includes("cloud");
  const ports = [...new Set([...addresses.map(({ port }) => port), ...(inCloud ? [443] : [])])];
  const namespaces = [...new Set(addresses.flatMap(({ host }) => namespaceOf(host) ?? []))];
  return [
    { toEntities: ["kube-apiserver"] },
    ...(calls.length > 0 ? [{ toPorts: [{ ports: dns }] }, { toPorts: tcp(...ports.sort((a, b) => a - b)) }] : []),
    ...(namespaces.length > 0
      ? [{ toEndpoints: namespaces.map((name) => ({ matchLabels: { "k8s:io.kubernetes.pod.namespace": name } })) }]
      : []),
    ...(inCloud ? metadataService : []),
  ];
}

/** The namespace of a Service of the cluster, `<service>.<namespace>.svc…`, or of one of its pods; undefined for another name. */
const namespaceOf = (host: string) => /(?:^|\.)[^.]+\.([^.]+)\.svc(?:\.|$)/.exec(host)?.[1];
