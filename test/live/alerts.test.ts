import { describe, expect, test } from "vitest";
import { untold, askAlerts } from "../../live/probes/alerts";
import { cluster, withCluster, type Answers } from "../support/fakeCluster";
import { configOf } from "../support/stacks";

const rule = (rules: object[]) => ({ spec: { groups: [{ rules }] } });
const server = { alert: "A", expr: 'kube_statefulset_status_replicas_ready{statefulset="spire-server"} < 1' };
const agents = { alert: "B", expr: 'kube_daemonset_status_number_unavailable{daemonset="spire-agent"} > 0' };
const drops = { alert: "C", expr: 'rate(cilium_drop_count_total{reason="Authentication required"}[5m]) > 0' };

describe("before callers have to authenticate", () => {
  test("it is known which alerts there are not, in whatever rules the others are", () => {
    expect(untold([])).toEqual([
      "SPIRE's server being away",
      "SPIRE's agents not being ready",
      "callers whom Cilium drops",
    ]);
    expect(untold([rule([server]), rule([drops])])).toEqual(["SPIRE's agents not being ready"]);
    expect(untold([rule([server, agents]), {}, rule([drops])])).toEqual([]);
  });

  test("what is recorded and alerts nobody does not count", () => {
    expect(untold([rule([{ record: "x", expr: server.expr }, agents, drops])])).toEqual(["SPIRE's server being away"]);
  });

  test("a cluster's PrometheusRules are asked, there are none without the operator, and who may not ask says so", async () => {
    const path = "/apis/monitoring.coreos.com/v1/prometheusrules";
    const ask = (answers: Answers) =>
      withCluster({ ...cluster({ authenticating: true }), ...answers }, ["apps"], () =>
        askAlerts(configOf("apps").cluster),
      );
    expect(await ask({ [path]: { items: [rule([server, agents, drops])] } })).toEqual([]);
    expect(await ask({})).toHaveLength(3);
    expect(await ask({ [path]: 403 })).toEqual({ because: "the API server answered 403" });
    expect(await withCluster({}, ["other"], () => askAlerts(configOf("apps").cluster))).toEqual({
      because: "no kubeconfig context apps",
    });
  });
});
