import { type UpstreamAuthority } from "../settings";
import { awsRole, secretFiles, type ServerParts } from "./parts";
import { spire } from "../../../core/schema/spireNames";
import { vaultData, vaultParts } from "./vault";

const directory = "/run/spire/authority";
const files = { cert: "tls.crt", key: "tls.key", bundle: "ca.crt" } as const;

/** The plugin and its data (doc/plugin_server_upstreamauthority_*.md); undefined for a CA that signs itself. */
export function upstreamPlugin({ certManager, vault, disk, awsPca }: UpstreamAuthority): [string, object] | undefined {
  if (certManager) {
    const { issuer, kind, group } = certManager;
    const data = { namespace: spire.namespace, issuer_name: issuer, issuer_kind: kind, issuer_group: group };
    return ["cert-manager", data];
  }
  if (vault) return ["vault", { ...vaultData("authority", vault), pki_mount_point: vault.pkiMount }];
  if (disk) {
    const paths = Object.entries(files).map(([name, key]) => [`${name}_file_path`, `${directory}/${key}`]);
    return ["disk", Object.fromEntries(paths) as object];
  }
  if (!awsPca) return undefined;
  const { region, certificateAuthorityArn, signingTemplateArn, assumeRoleArn } = awsPca;
  return [
    "aws_pca",
    {
      region,
      certificate_authority_arn: certificateAuthorityArn,
      ...(signingTemplateArn === undefined ? {} : { ca_signing_template_arn: signingTemplateArn }),
      ...(assumeRoleArn === undefined ? {} : { assume_role_arn: assumeRoleArn }),
    },
  ];
}

/** What the server's pod and its account have for it. */
export function upstreamParts({ vault, disk, awsPca }: UpstreamAuthority): Partial<ServerParts> {
  if (vault) return vaultParts("authority", vault);
  if (awsPca) return { ...awsRole(awsPca.roleArn), calls: ["cloud"] };
  return disk ? secretFiles("authority", disk.secret, directory, Object.values(files)) : {};
}
