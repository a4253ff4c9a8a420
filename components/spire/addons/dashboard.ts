import type { ManagedSpire } from "../settings";
import { spire } from "../../../core/schema/spireNames";

interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly targets: readonly { readonly expr: string; readonly legend: string }[];
}

const panelsOf = ({ agentNamespace, ciliumNamespace }: ManagedSpire): readonly Panel[] => [
  {
    title: "Servers and agents that are ready",
    unit: "short",
    targets: [
      {
        expr: `kube_statefulset_status_replicas_ready{namespace="${spire.namespace}",statefulset="${spire.server}"}`,
        legend: "servers",
      },
      {
        expr: `kube_daemonset_status_number_ready{namespace="${agentNamespace}",daemonset="${spire.agent}"}`,
        legend: "agents",
      },
    ],
  },
  {
    title: "Agents that attest",
    unit: "ops",
    targets: [
      { expr: "sum by (status) (rate(spire_server_rpc_agent_v1_agent_attest_agent[5m]))", legend: "{{status}}" },
    ],
  },
  {
    title: "Identities that are signed",
    unit: "ops",
    targets: [{ expr: "sum by (pod) (rate(spire_server_server_ca_sign_x509_svid[5m]))", legend: "{{pod}}" }],
  },
  {
    title: "Life of the CA when it was activated",
    unit: "s",
    targets: [{ expr: "spire_server_manager_x509_ca_rotate_ttl", legend: "{{pod}}" }],
  },
  {
    title: "Entries that cannot be made",
    unit: "short",
    targets: [{ expr: "sum(delta(cluster_static_entry_failures[15m]))", legend: "in a quarter of an hour" }],
  },
  {
    title: "Database: failed calls",
    unit: "ops",
    targets: [
      {
        expr: 'sum by (status) (rate({__name__=~"spire_server_datastore_.+",__name__!~".+_elapsed_time.*",status!="OK"}[5m]))',
        legend: "{{status}}",
      },
    ],
  },
  ...(ciliumNamespace === undefined ? [] : ciliumPanels),
];

const ciliumPanels: readonly Panel[] = [
  {
    title: "Streams of Cilium's agents to SPIRE's",
    unit: "short",
    targets: [{ expr: "sum(spire_agent_delegated_identity_api_connections)", legend: "streams" }],
  },
  {
    title: "Callers that Cilium drops since they have not authenticated",
    unit: "pps",
    targets: [
      {
        expr: 'sum by (direction) (rate(cilium_drop_count_total{reason="Authentication required"}[5m]))',
        legend: "{{direction}}",
      },
    ],
  },
];

/** A dashboard as Grafana imports it (schema version 39, Grafana 10 and later), over whatever Prometheus is chosen in it. */
export function dashboardOf(args: ManagedSpire): object {
  const datasource = { type: "prometheus", uid: "${datasource}" };
  return {
    uid: "zero-trust-spire",
    title: `SPIRE, ${args.trustDomain}`,
    tags: ["spire", "zero-trust"],
    schemaVersion: 39,
    editable: true,
    time: { from: "now-6h", to: "now" },
    refresh: "1m",
    templating: { list: [{ name: "datasource", type: "datasource", query: "prometheus" }] },
    panels: panelsOf(args).map(({ title, unit, targets }, i) => ({
      id: i + 1,
      type: "timeseries",
      title,
      datasource,
      gridPos: { x: (i % 2) * 12, y: Math.floor(i / 2) * 8, w: 12, h: 8 },
      fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
      targets: targets.map(({ expr, legend }, j) => ({
        refId: String.fromCharCode(65 + j),
        datasource,
        expr,
        legendFormat: legend,
      })),
    })),
  };
}
