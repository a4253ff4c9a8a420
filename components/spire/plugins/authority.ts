import { awsRole, secretFiles, type AtMostOne, type ServerParts } from "./parts";
import { spire } from "../settings";
import { vaultData, vaultParts, type VaultAccess } from "./vault";

/** Who signs the servers' CAs: at most one. Without it each server's is signed by itself. */
export type UpstreamAuthority = AtMostOne<{
  readonly certManager: {
    /** One that may sign CAs: an Issuer in the namespace `spire`, or a ClusterIssuer. */
    readonly issuer: string;
    readonly kind: string;
    readonly group: string;
  };
  /** The engine `pki` at a mount of its own, whose longest TTL may not be below `ttl.ca`. */
  readonly vault: VaultAccess & { readonly pkiMount: string };
  /** A Secret in SPIRE's namespace with the CA's certificate and chain as `tls.crt`, its key as `tls.key` and its roots as `ca.crt`. */
  readonly disk: { readonly secret: string };
  readonly awsPca: {
    readonly region: string;
    readonly certificateAuthorityArn: string;
    /** @default SPIRE's own: a CA below which there is none */
    readonly signingTemplateArn?: string | undefined;
    /** Of the IAM role that EKS gives the service account `spire-server` of the namespace `spire`. @default who the pod is anyway */
    readonly roleArn?: string | undefined;
    /** Of an IAM role that is assumed for it. */
    readonly assumeRoleArn?: string | undefined;
  };
}>;

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
