import { describeObject, type KubernetesObject } from "../../components/kubernetes";
import type { Facts } from "../facts";
import { inObject, mismatch, type Guardrail, type Violation } from "../guardrail";
import { mayBeSpire, spireConfigurationOf } from "../spireConfiguration";
import { listOf, podOf, recordOf, textOf } from "../values";

export const nodeAttestation: Guardrail = {
  name: "node-attestation",
  description:
    "Only SPIRE's own agents attest as nodes, with tokens made for that, and learn the server from its published bundle.",
  severity: "mandatory",
  prevents:
    "An impersonated node: who attests as an agent gets every identity of that node (SPIRE doc/plugin_server_nodeattestor_k8s_psat.md), and insecure_bootstrap trusts whoever answers first (SPIRE doc/spire_agent.md).",
  remediation:
    "List exactly the service account of the agents, audience spire-server, and give the agents the bundle by trust_bundle_path.",
  blocksOff: false,
  reads: (object) => ["ConfigMap", "DaemonSet"].includes(object.kind) && mayBeSpire(object),
  checkStack: (facts) =>
    facts.objects.flatMap((object) => [
      ...attestors(object, facts),
      ...(spireConfigurationOf(object, "agent")?.main["insecure_bootstrap"] === true
        ? [inObject(object, "agent.insecure_bootstrap", "is true; remove it and set trust_bundle_path")]
        : []),
    ]),
};

function attestors(object: KubernetesObject, { objects }: Facts): Violation[] {
  const clusters = listOf(spireConfigurationOf(object, "server")?.plugin("NodeAttestor", "k8s_psat")["clusters"]);
  if (clusters.length === 0) return [];
  const agents = objects
    .filter(isAgent)
    .map((agent) => `${agent.metadata.namespace}:${textOf(podOf(agent)["serviceAccountName"])}`);
  return clusters
    .flatMap((map) => Object.entries(recordOf(map)))
    .flatMap(([cluster, settings]) => {
      const { service_account_allow_list: allowed, audience } = recordOf(settings);
      const where = (key: string) => `${describeObject(object)} k8s_psat.${cluster}.${key}`;
      return [
        ...mismatch(where("service_account_allow_list"), allowed, agents),
        ...mismatch(where("audience"), audience, ["spire-server"]),
      ];
    });
}

/** A DaemonSet that mounts a token for the SPIRE server. */
function isAgent(object: KubernetesObject): boolean {
  return object.kind === "DaemonSet" && JSON.stringify(podOf(object)).includes('"audience":"spire-server"');
}
