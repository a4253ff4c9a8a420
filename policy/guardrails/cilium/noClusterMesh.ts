import { mismatch, type Guardrail } from "../../rules/guardrail";
import { recordOf } from "../../rules/values";

export const noClusterMesh: Guardrail = {
  name: "no-clustermesh",
  description: "Mutual authentication is off in a cluster that is part of a ClusterMesh.",
  severity: "mandatory",
  prevents:
    "Calls between clusters that can never authenticate: Cilium registers identities of its own cluster alone (cilium Documentation/network/servicemesh/mutual-authentication.rst, Limitations).",
  remediation: "Leave the mesh, or keep auth off here and encrypt with WireGuard.",
  blocksOff: false,
  checkStack: ({ config: { auth, cluster }, releases }) =>
    !auth
      ? []
      : [
          ...mismatch("zero-trust:cluster.cilium.clusterMesh", cluster.cilium?.clusterMesh ?? false, false),
          ...releases.flatMap(({ name, namespace, values }) => {
            const { useAPIServer = false, config } = recordOf(recordOf(values)["clustermesh"]);
            const where = (key: string) => `Values of ${namespace}/${name} clustermesh.${key}`;
            return [
              ...mismatch(where("useAPIServer"), useAPIServer, false),
              ...mismatch(where("config.enabled"), recordOf(config)["enabled"] ?? false, false),
            ];
          }),
        ],
};
