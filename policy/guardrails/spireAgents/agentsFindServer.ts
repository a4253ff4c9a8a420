import { basename } from "node:path/posix";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import type { Facts } from "../../facts/facts";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { mayBeSpire, spireConfigurationOf } from "../../rules/spireConfiguration";
import { spireWorkloads } from "../../rules/spireWorkloads";
import { listOf, podOf, recordOf, textOf } from "../../rules/values";

export const agentsFindServer: Guardrail = {
  name: "agents-find-server",
  description: "SPIRE's agents can look the server's name up, and read the bundle that it publishes.",
  severity: "mandatory",
  prevents:
    "Agents that never attest: on the host's network a pod asks the node's DNS unless told otherwise, which knows no Service (Kubernetes docs, DNS for Services and Pods), and a bundle is read as PEM unless trust_bundle_format says what the publisher wrote (spire doc/spire_agent.md).",
  remediation:
    "Write dnsPolicy ClusterFirstWithHostNet, and the same format in trust_bundle_format and in the publisher.",
  blocksOff: false,
  reads: (object) => ["ConfigMap", "DaemonSet"].includes(object.kind) && mayBeSpire(object),
  checkStack: ({ objects }) => [
    ...spireWorkloads(objects, "agent").flatMap(({ workload, configuration: { main } }) => {
      const { hostNetwork, dnsPolicy } = podOf(workload);
      const address = textOf(main["server_address"]);
      if (hostNetwork !== true || dnsPolicy === "ClusterFirstWithHostNet" || !/\.svc(\.|$)/.test(address)) return [];
      const message = `is ${textOf(dnsPolicy)}, so on the host's network nobody knows ${address}; write ClusterFirstWithHostNet`;
      return [inObject(workload, "dnsPolicy", message)];
    }),
    ...objects.flatMap((object) => formats(object, objects)),
  ],
};

function formats(object: KubernetesObject, objects: Facts["objects"]): Violation[] {
  const agent = spireConfigurationOf(object, "agent");
  const path = agent?.main["trust_bundle_path"];
  if (!agent || typeof path !== "string") return [];
  const { trust_bundle_format: format = "pem" } = agent.main;
  const published = objects
    .flatMap((other) =>
      listOf(spireConfigurationOf(other, "server")?.plugin("BundlePublisher", "k8s_configmap")["clusters"]),
    )
    .flatMap((map) => Object.values(recordOf(map)).map(recordOf))
    .filter(({ configmap_key: key = "bundle.spiffe" }) => key === basename(path));
  return published
    .filter((publisher) => publisher["format"] !== undefined && publisher["format"] !== format)
    .map((publisher) => {
      const wanted = textOf(publisher["format"]);
      const message = `is ${textOf(format)}, but the server publishes ${wanted}; write ${wanted}`;
      return inObject(object, `data["${agent.file}"] agent.trust_bundle_format`, message);
    });
}
