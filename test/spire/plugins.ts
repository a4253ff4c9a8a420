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
