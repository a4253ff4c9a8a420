import { describeObject, type KubernetesObject } from "../../../core/util/kubernetes";
import type { Facts } from "../../facts/facts";
import { inObject, mismatch, type Guardrail, type Violation } from "../../rules/guardrail";
import { mayBeSpire, spireConfigurationOf } from "../../rules/spireConfiguration";
import { listOf, podOf, recordOf, textOf } from "../../rules/values";

export const nodeAttestation: Guardrail = {
  name: "node-attestation",
  description:
    "Only SPIRE's own agents attest as nodes, with tokens or other proof made for that, and learn the server from its published bundle.",
  severity: "mandatory",
  prevents:
    "An impersonated node: who attests as an agent gets every identity of that node (SPIRE doc/plugin_server_nodeattestor_k8s_psat.md), a plugin without a checksum is whatever program is at its path, an instance whose disk somebody else has mounted is somebody else (SPIRE doc/plugin_server_nodeattestor_aws_iid.md), and insecure_bootstrap trusts whoever answers first (SPIRE doc/spire_agent.md).",
  remediation:
    "List exactly the service account of the agents, audience spire-server; give each external plugin its plugin_checksum, leave skip_block_device out, and give the agents the bundle by trust_bundle_path.",
  blocksOff: false,
  reads: (object) => ["ConfigMap", "DaemonSet"].includes(object.kind) && mayBeSpire(object),
  checkStack: (facts) =>
    facts.objects.flatMap((object) => [
      ...attestors(object, facts),
      ...otherProof(object),
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

/** What would let another program, or another machine, attest. */
const otherProof = (object: KubernetesObject): Violation[] =>
  (["server", "agent"] as const).flatMap((part) => {
    const configuration = spireConfigurationOf(object, part);
    if (!configuration) return [];
    const { file, external, plugin } = configuration;
    const report = (key: string, message: string) => [inObject(object, `data["${file}"] NodeAttestor.${key}`, message)];
    return [
      ...external("NodeAttestor")
        .filter(({ pinned }) => !pinned)
        .flatMap(({ name }) => report(`${name}.plugin_checksum`, "is missing; write the SHA-256 of the program")),
      ...(plugin("NodeAttestor", "aws_iid")["skip_block_device"] === true
        ? report("aws_iid.skip_block_device", "is true; remove it")
        : []),
    ];
  });

/** A DaemonSet that mounts a token for the SPIRE server. */
function isAgent(object: KubernetesObject): boolean {
  return object.kind === "DaemonSet" && JSON.stringify(podOf(object)).includes('"audience":"spire-server"');
}
