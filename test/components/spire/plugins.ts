import { createHash, X509Certificate } from "node:crypto";
import { Authority } from "../../../lab/certificates";

/** A plugin of SPIRE's server, how it is configured here, and what SPIRE is told. */
export interface Configured {
  readonly name: string;
  readonly assignments: readonly string[];
  readonly plugin: Readonly<Record<string, { readonly plugin_data: object }>>;
}

function configured(
  section: string,
  name: string,
  plugin: string,
  values: readonly string[],
  data: object,
): Configured {
  const assignments = values.map((value) => `spire.${section}.${value}`);
  return { name, assignments, plugin: { [plugin]: { plugin_data: data } } };
}

const vault = ["vault.address=https://vault.vault.svc:8200", "vault.role=spire", "vault.caSecret=vault-ca"];
const vaultData = (directory: string) => ({
  vault_addr: "https://vault.vault.svc:8200",
  ca_cert_path: `/run/spire/vault/${directory}/ca/ca.crt`,
  k8s_auth: {
    k8s_auth_mount_point: "kubernetes",
    k8s_auth_role_name: "spire",
    token_path: `/run/spire/vault/${directory}/token/vault`,
  },
});
const authority = "arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/a";
const own = { key_identifier_file: "/run/spire/data/keys.id" };

export const authorities: readonly Configured[] = [
  configured(
    "upstreamAuthority",
    "cert-manager",
    "cert-manager",
    ["certManager.issuer=spire", "certManager.kind=ClusterIssuer"],
    { namespace: "spire", issuer_name: "spire", issuer_kind: "ClusterIssuer", issuer_group: "cert-manager.io" },
  ),
  configured("upstreamAuthority", "Vault", "vault", [...vault, "vault.pkiMount=pki/spire"], {
    ...vaultData("authority"),
    pki_mount_point: "pki/spire",
  }),
  configured("upstreamAuthority", "a Secret", "disk", ["disk.secret=upstream-ca"], {
    cert_file_path: "/run/spire/authority/tls.crt",
    key_file_path: "/run/spire/authority/tls.key",
    bundle_file_path: "/run/spire/authority/ca.crt",
  }),
  configured(
    "upstreamAuthority",
    "AWS",
    "aws_pca",
    [
      "awsPca.region=eu-central-1",
      `awsPca.certificateAuthorityArn=${authority}`,
      "awsPca.assumeRoleArn=arn:aws:iam::123456789012:role/pca",
    ],
    {
      region: "eu-central-1",
      certificate_authority_arn: authority,
      assume_role_arn: "arn:aws:iam::123456789012:role/pca",
    },
  ),
];

export const keyManagers: readonly Configured[] = [
  configured("keyManager", "a file", "disk", [], { keys_path: "/run/spire/data/keys.json" }),
  configured("keyManager", "AWS", "aws_kms", ["awsKms.region=eu-central-1"], { region: "eu-central-1", ...own }),
  configured("keyManager", "Google's cloud", "gcp_kms", ["gcpKms.keyRing=projects/a/locations/b/keyRings/c"], {
    key_ring: "projects/a/locations/b/keyRings/c",
    ...own,
  }),
  configured("keyManager", "Azure", "azure_key_vault", ["azureKeyVault.uri=https://spire.vault.azure.net/"], {
    key_vault_uri: "https://spire.vault.azure.net/",
    ...own,
  }),
  configured("keyManager", "Vault", "hashicorp_vault", [...vault, "vault.namespace=platform"], {
    ...vaultData("keys"),
    namespace: "platform",
    transit_engine_path: "transit",
    ...own,
  }),
];

/** The CA of nodes' certificates, in PEM. */
export const nodesCa = new Authority().certificate;
export const sha1Of = (pem: string) => createHash("sha1").update(new X509Certificate(pem).raw).digest("hex");

const digest = (of: string) => createHash("sha256").update(of).digest("hex");
export const tpms = [digest("one"), digest("two")];
const ownImages = ["server", "agent"].map(
  (part) => `spire.images.${part}=registry.corp/spire-${part}-tpm:1.15.3@sha256:${digest(part)}`,
);

/** A node attestor: what both sides are told, and what tells a node, as lists of selectors. */
export interface ConfiguredAttestor extends Configured {
  readonly agentPlugin: Readonly<Record<string, { readonly plugin_data: object }>>;
  readonly nodes: readonly (readonly string[])[];
}

export const attestors: readonly ConfiguredAttestor[] = [
  {
    ...configured("nodeAttestor", "a certificate", "x509pop", [`x509pop.ca=${nodesCa}`], {
      ca_bundle_path: "/run/spire/nodes/ca.pem",
      agent_path_template: "/{{ .PluginName }}/{{ .Subject.CommonName }}",
    }),
    agentPlugin: {
      x509pop: {
        plugin_data: { private_key_path: "/run/spire/node/tls.key", certificate_path: "/run/spire/node/tls.crt" },
      },
    },
    nodes: [[`x509pop:ca:fingerprint:${sha1Of(nodesCa)}`]],
  },
  {
    ...configured(
      "nodeAttestor",
      "AWS",
      "aws_iid",
      [
        "awsIid.selectors[0]=tag:kubernetes.io/cluster/apps:owned",
        "awsIid.selectors[1]=iamrole:arn:aws:iam::123456789012:role/node",
      ],
      {},
    ),
    agentPlugin: { aws_iid: { plugin_data: {} } },
    nodes: [["aws_iid:tag:kubernetes.io/cluster/apps:owned", "aws_iid:iamrole:arn:aws:iam::123456789012:role/node"]],
  },
  {
    ...configured(
      "nodeAttestor",
      "Google's cloud",
      "gcp_iit",
      ["gcpIit.project=platform-123456", "gcpIit.selectors[0]=label:goog-k8s-cluster-name:apps"],
      {
        projectid_allow_list: ["platform-123456"],
        use_instance_metadata: true,
        allowed_label_keys: ["goog-k8s-cluster-name"],
      },
    ),
    agentPlugin: { gcp_iit: { plugin_data: {} } },
    nodes: [["gcp_iit:project-id:platform-123456", "gcp_iit:label:goog-k8s-cluster-name:apps"]],
  },
  {
    ...configured(
      "nodeAttestor",
      "a TPM",
      "tpm",
      [
        ...tpms.map((hash, i) => `tpm.hashes[${i}]=${hash}`),
        ...["server", "agent"].flatMap((part) => [
          `tpm.${part}Plugin.path=/opt/spire/plugins/tpm_attestor_${part}`,
          `tpm.${part}Plugin.checksum=${digest(part)}`,
        ]),
      ],
      {},
    ),
    plugin: {
      tpm: {
        plugin_cmd: "/opt/spire/plugins/tpm_attestor_server",
        plugin_checksum: digest("server"),
        plugin_data: { hash_path: "/run/spire/nodes" },
      } as { plugin_data: object },
    },
    agentPlugin: {
      tpm: {
        plugin_cmd: "/opt/spire/plugins/tpm_attestor_agent",
        plugin_checksum: digest("agent"),
        plugin_data: {},
      } as { plugin_data: object },
    },
    nodes: tpms.map((hash) => [`tpm:pub_hash:${hash}`]),
  },
].map((attestor) => ({
  ...attestor,
  assignments: [...attestor.assignments, ...(attestor.name === "a TPM" ? ownImages : [])],
}));
