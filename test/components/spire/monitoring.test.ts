import { parser } from "@prometheus-io/lezer-promql";
import { describe, expect, test } from "vitest";
import { untold } from "../../../live/probes/alerts";
import { fileOf, find, manifestOf, objectsWith } from "./planned";

const watched = ["spire.monitoring.namespace=metrics", "spire.monitoring.labels.release=prometheus"];
const rules = () => manifestOf(watched, "PrometheusRule spire/spire")["spec"] as Rules;
interface Rules {
  groups: { rules: { alert: string; expr: string; annotations: { summary: string } }[] }[];
}
const panels = () =>
  JSON.parse(
    (manifestOf(watched, "ConfigMap spire/spire-dashboard") as unknown as { data: Record<string, string> }).data[
      "spire.json"
    ] ?? "",
  ) as { panels: { title: string; targets: { expr: string }[] }[] };

describe("who watches SPIRE", () => {
  test("may ask the servers for metrics, alone, and finds who has them", () => {
    expect(fileOf(watched, "spire-server", "server.conf")).toMatchObject({ telemetry: { Prometheus: { port: 9988 } } });
    expect(fileOf(watched, "spire-agent", "agent.conf")).toMatchObject({ telemetry: { Prometheus: { port: 9989 } } });
    const { ingress } = manifestOf(watched, "NetworkPolicy spire/spire-server")["spec"] as { ingress: object[] };
    expect(ingress).toEqual([
      { ports: [{ port: 8081, protocol: "TCP" }] },
      {
        from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "metrics" } } }],
        ports: [
          { port: 9988, protocol: "TCP" },
          { port: 8082, protocol: "TCP" },
        ],
      },
    ]);
    for (const name of ["PodMonitor spire/spire-server", "PodMonitor spire/spire-agent", "PrometheusRule spire/spire"])
      expect(manifestOf(watched, name).metadata.labels).toMatchObject({ release: "prometheus" });
  });

  test("looks at ports that the pods have", () => {
    const named = objectsWith(watched).flatMap(({ manifest: { kind, spec } }) =>
      kind === "PodMonitor"
        ? (spec as { podMetricsEndpoints: { port: string }[] }).podMetricsEndpoints.map(({ port }) => port)
        : [],
    );
    const pods = JSON.stringify(
      ["StatefulSet spire/spire-server", "DaemonSet spire/spire-agent"].map((name) => manifestOf(watched, name)),
    );
    expect(named).toEqual(["metrics", "manager-metrics", "metrics"]);
    for (const port of named) expect(pods).toContain(`"name":"${port}","containerPort"`);
  });

  test("is told of all that a preview asks for before callers have to authenticate", () => {
    expect(untold([{ spec: rules() }])).toEqual([]);
  });

  test("gets alerts and panels that Prometheus can parse, each with a name of its own", () => {
    const alerts = rules().groups.flatMap(({ rules }) => rules);
    const shown = panels().panels;
    for (const expr of [...alerts, ...shown.flatMap(({ targets }) => targets)].map(({ expr }) => expr))
      expect(faultsOf(expr), expr).toEqual([]);
    for (const names of [alerts.map(({ alert }) => alert), shown.map(({ title }) => title)])
      expect(new Set(names).size).toBe(names.length);
  });

  test("is nobody by default, and then nothing has a port for it", () => {
    expect(find([], "PodMonitor spire/spire-server")).toBeUndefined();
    expect(JSON.stringify(objectsWith([]))).not.toMatch(/9988|9989|8082/);
  });
});

/** Where an expression is no PromQL. */
function faultsOf(expr: string): string[] {
  const faults: string[] = [];
  parser.parse(expr).iterate({
    enter: ({ type, from, to }) => void (type.isError && faults.push(expr.slice(from, to + 10))),
  });
  return faults;
}
