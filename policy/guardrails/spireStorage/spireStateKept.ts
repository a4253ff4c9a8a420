import { inObject, type Guardrail } from "../../rules/guardrail";
import { mayBeSpire } from "../../rules/spireConfiguration";
import { spireWorkloads, volumeAt } from "../../rules/spireWorkloads";
import { recordOf } from "../../rules/values";

export const spireStateKept: Guardrail = {
  name: "spire-state-kept",
  description: "What the SPIRE server has on disk outlives its pod and its StatefulSet.",
  severity: "mandatory",
  prevents:
    "A new CA at each restart: without its datastore and keys a server starts anew, and every agent has to learn it and every identity is issued again (spire doc/spire_server.md, spire#5796).",
  remediation: "Put data_dir on a PersistentVolumeClaim, and leave persistentVolumeClaimRetentionPolicy at Retain.",
  blocksOff: false,
  reads: (object) => ["ConfigMap", "StatefulSet", "Deployment"].includes(object.kind) && mayBeSpire(object),
  checkStack: ({ objects }) =>
    spireWorkloads(objects, "server").flatMap(({ workload, configuration: { names, plugin } }) => {
      const { database_type, connection_string } = plugin("DataStore", "sql");
      const paths = [
        database_type === "sqlite3" ? connection_string : undefined,
        // The keys, or the name under which a key service has them (doc/plugin_server_keymanager_*.md).
        ...names("KeyManager").flatMap((name) => {
          const { keys_path, key_identifier_file } = plugin("KeyManager", name);
          return [keys_path, key_identifier_file];
        }),
      ];
      const lost = paths
        .filter((path) => typeof path === "string")
        .filter((path) => volumeAt(workload, path)?.["persistentVolumeClaim"] === undefined);
      const policy = recordOf(recordOf(workload["spec"])["persistentVolumeClaimRetentionPolicy"]);
      return [
        ...lost.map((path) =>
          inObject(workload, "volumes", `lose ${path} with the pod; put it on a PersistentVolumeClaim`),
        ),
        ...["whenDeleted", "whenScaled"]
          .filter((when) => policy[when] === "Delete")
          .map((when) =>
            inObject(workload, `spec.persistentVolumeClaimRetentionPolicy.${when}`, "is Delete; write Retain"),
          ),
      ];
    }),
};
