import { type Monitoring, type ManagedSpire } from "../settings";
import { owned, type KubernetesObject } from "../../../core/util/kubernetes";
import { alertsOf } from "./alerts";
import { dashboardOf } from "./dashboard";
import { configMap, selectorOf } from "../pods";
import { spire } from "../../../core/schema/spireNames";

/** Ports on which metrics are asked for. */
export const metricsPorts = { server: 9988, agent: 9989, controllerManager: 8082 } as const;

/** The part of SPIRE's configuration that serves metrics (doc/telemetry/telemetry_config.md). */
export const telemetry = (monitoring: Monitoring | undefined, port: number): object =>
  monitoring ? { telemetry: { Prometheus: { host: "0.0.0.0", port } } } : {};

/** A port of a container, where there is somebody who watches. */
export const metricsPort = (monitoring: Monitoring | undefined, name: string, containerPort: number): object[] =>
  monitoring ? [{ name, containerPort, protocol: "TCP" }] : [];

/** What the network policy of the servers lets Prometheus reach. */
export const metricsIngress = (monitoring: Monitoring | undefined): object[] =>
  monitoring
    ? [
        {
          from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": monitoring.namespace } } }],
          ports: [metricsPorts.server, metricsPorts.controllerManager].map((port) => ({ port, protocol: "TCP" })),
        },
      ]
    : [];

/** The objects for Prometheus' operator (monitoring.coreos.com/v1), whose CRDs have to be there, and a dashboard for Grafana's sidecar. By name of the thing. */
export function monitoringObjects(args: ManagedSpire, monitoring: Monitoring): Record<string, KubernetesObject> {
  return {
    "server-metrics": podMonitor(spire.server, spire.namespace, ["metrics", "manager-metrics"], monitoring),
    "agent-metrics": podMonitor(spire.agent, args.agentNamespace, ["metrics"], monitoring),
    alerts: {
      apiVersion: "monitoring.coreos.com/v1",
      kind: "PrometheusRule",
      metadata: metadataOf("spire", spire.namespace, monitoring),
      spec: {
        groups: [
          {
            name: "spire",
            rules: alertsOf(args).map(({ alert, expr, for: duration, severity, summary }) => ({
              alert,
              expr,
              for: duration,
              labels: { severity },
              annotations: { summary, runbook: "docs/recovery.md" },
            })),
          },
        ],
      },
    },
    dashboard: dashboard(args),
  };
}

const metadataOf = (name: string, namespace: string, { labels }: Monitoring) => ({
  name,
  namespace,
  ...owned("spire-monitoring", { labels }),
});

function podMonitor(name: string, namespace: string, ports: string[], monitoring: Monitoring): KubernetesObject {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    metadata: metadataOf(name, namespace, monitoring),
    spec: {
      selector: { matchLabels: selectorOf(name) },
      podMetricsEndpoints: ports.map((port) => ({ port })),
    },
  };
}

function dashboard(args: ManagedSpire): KubernetesObject {
  const { metadata, ...object } = configMap("spire-dashboard", spire.namespace, { "spire.json": dashboardOf(args) });
  // The label that Grafana's sidecar looks for by default.
  return {
    ...object,
    metadata: { ...metadata, labels: { ...metadata.labels, grafana_dashboard: "1" } },
  };
}
