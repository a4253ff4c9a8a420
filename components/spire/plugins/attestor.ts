import { certificatesIn } from "../../../core/util/pem";
import { type NodeAttestor, type ExternalPlugin, type ManagedSpire } from "../settings";
import { X509Certificate } from "node:crypto";
import { awsRole, type ServerParts } from "./parts";
import { nodeAliasPath, spire } from "../../../core/schema/spireNames";

/** Where an agent that attests once keeps what it is: on its node's disk, since it is nobody without it. */
export const keptData = "/var/lib/spire/agent";

/** Names of the plugins by which a node attests once: SPIRE's server refuses the same one again (doc/plugin_server_nodeattestor_aws_iid.md, _gcp_iit.md). */
const attestingOnce: readonly string[] = ["aws_iid", "gcp_iit"];

const chosen = ({ nodeAttestor = {} }: ManagedSpire): NodeAttestor => nodeAttestor;

/** Whether agents attest by their pods' tokens, which the server has the API server look at. */
export const attestsByToken = (args: ManagedSpire): boolean => attestorOf(args) === "k8s_psat";

/** Whether the server takes what an agent shows only once, ever. */
export const attestsOnce = (args: ManagedSpire): boolean => attestingOnce.includes(attestorOf(args));

/** The plugin's name, which its selectors and the agents' IDs begin with. */
function attestorOf(args: ManagedSpire): string {
  const { x509pop, awsIid, gcpIit, tpm } = chosen(args);
  if (x509pop) return "x509pop";
  if (awsIid) return "aws_iid";
  if (gcpIit) return "gcp_iit";
  return tpm ? "tpm" : "k8s_psat";
}

const directories = { server: "/run/spire/nodes", agent: "/run/spire/node", plugins: "/run/spire/plugins" } as const;
const caFile = "ca.pem";

const external = ({ path, checksum }: ExternalPlugin) => ({ plugin_cmd: path, plugin_checksum: checksum });

/** The server's plugin: `NodeAttestor: [{ x509pop: { plugin_data: {…} } }]` (doc/plugin_server_nodeattestor_*.md; github.com/spiffe/spire-tpm-plugin). */
export function serverAttestor(args: ManagedSpire): object[] {
  const { x509pop, gcpIit, tpm } = chosen(args);
  const name = attestorOf(args);
  if (x509pop) {
    // By its name and not by its certificate, so that a node stays who it is when it gets another one.
    const template = "/{{ .PluginName }}/{{ .Subject.CommonName }}";
    const data = { ca_bundle_path: `${directories.server}/${caFile}`, agent_path_template: template };
    return [{ [name]: { plugin_data: data } }];
  }
  if (gcpIit) {
    const labels = gcpIit.selectors.flatMap((selector) => /^label:([^:]+)/.exec(selector)?.[1] ?? []);
    const data = {
      projectid_allow_list: [gcpIit.project],
      use_instance_metadata: true,
      ...(labels.length > 0 ? { allowed_label_keys: labels } : {}),
    };
    return [{ [name]: { plugin_data: data } }];
  }
  if (tpm) return [{ [name]: { ...external(tpm.serverPlugin), plugin_data: { hash_path: directories.server } } }];
  if (name === "aws_iid") return [{ [name]: { plugin_data: {} } }];
  const cluster = {
    service_account_allow_list: [`${args.agentNamespace}:${spire.agent}`],
    audience: [spire.audience],
  };
  return [{ [name]: { plugin_data: { clusters: [{ [args.clusterName]: cluster }] } } }];
}

/**
 * The agent's plugin (doc/plugin_agent_nodeattestor_*.md).
 *
 * @param tokens the directory with its pod's token for the server
 */
export function agentAttestor(args: ManagedSpire, tokens: string): object[] {
  const { x509pop, tpm } = chosen(args);
  const { agent } = directories;
  const data = x509pop
    ? { private_key_path: `${agent}/tls.key`, certificate_path: `${agent}/tls.crt` }
    : attestsByToken(args)
      ? { cluster: args.clusterName, token_path: `${tokens}/${spire.agent}` }
      : {};
  return [{ [attestorOf(args)]: { ...(tpm ? external(tpm.agentPlugin) : {}), plugin_data: data } }];
}

/**
 * What tells the cluster's nodes, as SPIRE's selectors: a node has all of one list. No selector means every agent, so that where only a node's own tell it there are
 * several lists.
 *
 * @returns lists by what tells them apart
 */
export function nodeSelectors(args: ManagedSpire): Map<string, readonly string[]> {
  const { x509pop, awsIid, gcpIit, tpm } = chosen(args);
  const of = (...values: readonly string[]) => values.map((value) => `${attestorOf(args)}:${value}`);
  if (x509pop) return new Map(fingerprintsOf(x509pop.ca).map((each) => [each, of(`ca:fingerprint:${each}`)]));
  if (tpm) return new Map(tpm.hashes.map((hash) => [hash, of(`pub_hash:${hash}`)]));
  if (awsIid) return new Map([["", of(...awsIid.selectors)]]);
  if (gcpIit) return new Map([["", of(`project-id:${gcpIit.project}`, ...gcpIit.selectors)]]);
  return new Map([
    ["", of(`cluster:${args.clusterName}`, `agent_ns:${args.agentNamespace}`, `agent_sa:${spire.agent}`)],
  ]);
}

const fingerprintsOf = (pem: string) => [
  ...new Set(
    certificatesIn(pem).map((each) => new X509Certificate(each).fingerprint.replaceAll(":", "").toLowerCase()),
  ),
];

/**
 * The parent of a pod's entry, as a template of spire-controller-manager: its node's agent where that can be told by the node, and all of them where it cannot, which
 * is no more than Cilium's own identities have. Undefined for what is its default, k8s_psat.
 */
export function parentIdTemplate(args: ManagedSpire): string | undefined {
  if (attestsByToken(args)) return undefined;
  const path = chosen(args).x509pop ? "/spire/agent/x509pop/{{ .NodeMeta.Name }}" : nodeAliasPath(args);
  return `spiffe://{{ .TrustDomain }}${path}`;
}

/** What the server reads of the nodes, by the name of the file: CAs' certificates, or a file of each TPM's name. */
export function nodeFiles(args: ManagedSpire): Readonly<Record<string, string>> {
  const { x509pop, tpm } = chosen(args);
  if (x509pop) return { [caFile]: x509pop.ca };
  return Object.fromEntries((tpm?.hashes ?? []).map((hash) => [hash, ""]));
}

/** What a plugin that is a program of its own needs in a container whose file system cannot be written to: somewhere for the socket between it and SPIRE. */
const forPlugin = {
  env: [{ name: "TMPDIR", value: directories.plugins }],
  volumes: [{ name: "plugins", emptyDir: {} }],
  volumeMounts: [{ name: "plugins", mountPath: directories.plugins }],
} as const;
const nothing = { env: [], volumes: [], volumeMounts: [] } as const;

/** What the server's pod and its account have for it. */
export function attestorParts(args: ManagedSpire): Partial<ServerParts> {
  const { awsIid, gcpIit, tpm } = chosen(args);
  if (awsIid) return { ...awsRole(awsIid.roleArn), calls: ["cloud"] };
  if (gcpIit)
    return {
      calls: ["cloud"],
      ...(gcpIit.serviceAccount === undefined
        ? {}
        : { annotations: { "iam.gke.io/gcp-service-account": gcpIit.serviceAccount } }),
    };
  const items = Object.keys(nodeFiles(args)).map((key) => ({ key, path: key }));
  if (items.length === 0) return {};
  const { env, volumes, volumeMounts } = tpm ? forPlugin : nothing;
  return {
    env,
    volumes: [{ name: "nodes", configMap: { name: spire.server, items } }, ...volumes],
    volumeMounts: [{ name: "nodes", mountPath: directories.server, readOnly: true }, ...volumeMounts],
  };
}

/** What an agent's pod has for it, beside the token. */
export function agentParts(args: ManagedSpire): Pick<ServerParts, "env" | "volumes" | "volumeMounts"> {
  const { x509pop, tpm } = chosen(args);
  if (tpm) return forPlugin;
  if (!x509pop) return nothing;
  return {
    ...nothing,
    // Not made where it is missing: an agent without a certificate is better seen to wait.
    volumes: [{ name: "node", hostPath: { path: x509pop.directory, type: "Directory" } }],
    volumeMounts: [{ name: "node", mountPath: directories.agent, readOnly: true }],
  };
}

/** Whether an agent opens a device of its node, the TPM, which Kubernetes lets no other than a privileged container. */
export const opensDevice = (args: ManagedSpire): boolean => chosen(args).tpm !== undefined;
