import type { KubernetesObject } from "../../../core/util/kubernetes";

import { inObject, type Guardrail } from "../../rules/guardrail";
import { mayBeSpire, spireConfigurationOf } from "../../rules/spireConfiguration";
import { listOf, numberOf, podOf, recordOf, textOf } from "../../rules/values";

export const sqliteSingleServer: Guardrail = {
  name: "sqlite-single-server",
  description: "A SPIRE server on sqlite is alone, and its node can be drained.",
  severity: "mandatory",
  prevents:
    "Split brain and nodes that cannot be drained: each server on sqlite has a datastore of its own, so agents and entries of one are unknown to the next, and a PodDisruptionBudget on a single server blocks every eviction (SPIRE doc/scaling_spire.md, devantler-tech/platform docs/dr/spire-server-ha.md).",
  remediation: "Write spire.replicas 1 and no minAvailable, or give SPIRE a shared SQL datastore.",
  blocksOff: false,
  reads: (o) => ["ConfigMap", "StatefulSet", "Deployment", "PodDisruptionBudget"].includes(o.kind) && mayBeSpire(o),
  checkStack: ({ objects }) =>
    objects.filter(isServer).flatMap((server) => {
      const { namespace } = server.metadata;
      const config = objects.find(
        (o) => o.kind === "ConfigMap" && o.metadata.namespace === namespace && mounts(server).includes(o.metadata.name),
      );
      if (!config || !isSqlite(config)) return [];
      const { replicas = 1, template } = recordOf(server["spec"]);
      const labels = recordOf(recordOf(recordOf(template)["metadata"])["labels"]);
      const budgets = objects.filter(
        (o) => o.kind === "PodDisruptionBudget" && o.metadata.namespace === namespace && selects(o, labels),
      );
      return [
        ...(numberOf(replicas) > 1
          ? [
              inObject(
                server,
                "spec.replicas",
                `is ${textOf(replicas)} on sqlite; write 1, or use a shared SQL datastore`,
              ),
            ]
          : []),
        ...budgets
          .filter((budget) => blocksEviction(budget))
          .map((budget) =>
            inObject(budget, "spec.minAvailable", "blocks every eviction of a single server; remove the budget"),
          ),
      ];
    }),
};

const isServer = ({ kind }: KubernetesObject) => kind === "StatefulSet" || kind === "Deployment";

/** Names of the ConfigMaps that a workload mounts. */
function mounts(workload: KubernetesObject): string[] {
  return listOf(podOf(workload)["volumes"]).flatMap((volume) => {
    const { name } = recordOf(recordOf(volume)["configMap"]);
    return typeof name === "string" ? [name] : [];
  });
}

function isSqlite(configMap: KubernetesObject): boolean {
  const { database_type } = spireConfigurationOf(configMap, "server")?.plugin("DataStore", "sql") ?? {};
  return database_type === "sqlite3";
}

function selects(budget: KubernetesObject, labels: Readonly<Record<string, unknown>>): boolean {
  const { matchLabels } = recordOf(recordOf(budget["spec"])["selector"]);
  return Object.entries(recordOf(matchLabels)).every(([key, value]) => labels[key] === value);
}

/** Whether a budget on one pod lets it never go. */
function blocksEviction(budget: KubernetesObject): boolean {
  const { minAvailable, maxUnavailable } = recordOf(budget["spec"]);
  const never = (value: unknown) => value === 0 || value === "0" || value === "0%";
  return (minAvailable !== undefined && !never(minAvailable)) || never(maxUnavailable);
}
