import type { ManagedSpire } from "../settings";
import { spire } from "../../../core/schema/spireNames";

/** One alert: PromQL, for how long it has to be so, and what to do. */
interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: "critical" | "warning";
  readonly summary: string;
}

/**
 * What somebody has to be told of. `kube_…` is of kube-state-metrics, `cilium_…` of Cilium's agents; the rest is SPIRE's own (doc/telemetry/telemetry.md), of which a
 * test asks real programs.
 */
export const alertsOf = ({ agentNamespace, ciliumNamespace }: ManagedSpire): readonly Alert[] => [
  {
    alert: "SpireServerDown",
    expr: `kube_statefulset_status_replicas_ready{namespace="${spire.namespace}",statefulset="${spire.server}"} < 1`,
    for: "5m",
    severity: "critical",
    summary: "No SPIRE server is ready. Identities live on for half of their time, and nobody gets a new one.",
  },
  {
    alert: "SpireAgentsDown",
    expr: `kube_daemonset_status_number_unavailable{namespace="${agentNamespace}",daemonset="${spire.agent}"} > 0`,
    for: "10m",
    severity: "critical",
    summary: "A node's SPIRE agent is not ready: nobody there gets or renews an identity.",
  },
  {
    alert: "SpireAttestationFailing",
    expr: `sum(rate(spire_server_rpc_agent_v1_agent_attest_agent{status!="OK"}[10m])) > 0`,
    for: "10m",
    severity: "warning",
    summary: "The SPIRE server refuses agents that attest. Its log says which and why.",
  },
  {
    alert: "SpireAuthorityNotRenewed",
    expr: `sum(increase(spire_server_ca_manager_x509_ca_prepare{status!="OK"}[15m])) > 0`,
    for: "15m",
    severity: "critical",
    summary:
      "SPIRE's next CA cannot be made, by its key manager or the authority above it. When the present one expires, all identities do.",
  },
  {
    alert: "SpireDatastoreFailing",
    expr: `sum(rate({__name__=~"spire_server_datastore_.+",__name__!~".+_elapsed_time.*",status!~"OK|NotFound|AlreadyExists|Canceled"}[10m])) > 0`,
    for: "10m",
    severity: "critical",
    summary: "SPIRE's database fails, or is not reached.",
  },
  {
    alert: "SpireEntriesNotReconciled",
    expr: `sum(delta(cluster_static_entry_failures{namespace="${spire.namespace}"}[15m])) > 0 or kube_pod_container_status_ready{namespace="${spire.namespace}",container="spire-controller-manager"} == 0`,
    for: "15m",
    severity: "warning",
    summary:
      "spire-controller-manager is away, or cannot make entries of what is declared: new workloads get no identity.",
  },
  ...(ciliumNamespace === undefined ? [] : [drops]),
];

const drops: Alert = {
  alert: "CiliumAuthenticationDrops",
  expr: `sum(rate(cilium_drop_count_total{reason="Authentication required"}[5m])) > 0`,
  for: "10m",
  severity: "warning",
  summary: "Callers are dropped that have not authenticated, for longer than a handshake takes: npm run verify.",
};
