import { awsRole, type AtMostOne, type ServerParts } from "./parts";
import { vaultData, vaultParts, type VaultAccess } from "./vault";

/** Where the keys are with which a server signs: at most one. Without it they are in a file on its volume. */
export type KeyManager = AtMostOne<{
  /** Gone with the server's pod: only below an authority that outlives it. */
  readonly memory: object;
  readonly awsKms: {
    readonly region: string;
    /** Of the IAM role that EKS gives the service account `spire-server` of the namespace `spire`. @default who the pod is anyway */
    readonly roleArn?: string | undefined;
  };
  readonly gcpKms: {
    /** `projects/…/locations/…/keyRings/…` */
    readonly keyRing: string;
    /** The Google service account that GKE gives the pod. @default who the pod is anyway */
    readonly serviceAccount?: string | undefined;
  };
  readonly azureKeyVault: {
    /** `https://….vault.azure.net/` */
    readonly uri: string;
    /** Of the managed identity that AKS gives the pod. @default who the pod is anyway */
    readonly clientId?: string | undefined;
  };
  /** The engine `transit` at a path of its own. SPIRE 1.15 and later. */
  readonly vault: VaultAccess & { readonly transitPath: string };
}>;

/**
 * The plugin and its data (doc/plugin_server_keymanager_*.md).
 *
 * @param data the directory of the server's volume: it holds the keys, or the name under which a key service has them
 */
export function keyPlugin(
  { memory, awsKms, gcpKms, azureKeyVault, vault }: KeyManager,
  data: string,
): [string, object] {
  const own = { key_identifier_file: `${data}/keys.id` };
  if (memory) return ["memory", {}];
  if (awsKms) return ["aws_kms", { region: awsKms.region, ...own }];
  if (gcpKms) return ["gcp_kms", { key_ring: gcpKms.keyRing, ...own }];
  if (azureKeyVault) return ["azure_key_vault", { key_vault_uri: azureKeyVault.uri, ...own }];
  if (vault)
    return ["hashicorp_vault", { ...vaultData("keys", vault), transit_engine_path: vault.transitPath, ...own }];
  return ["disk", { keys_path: `${data}/keys.json` }];
}

/** What the server's pod and its account have for it. */
export function keyParts({ awsKms, gcpKms, azureKeyVault, vault }: KeyManager): Partial<ServerParts> {
  if (vault) return vaultParts("keys", vault);
  if (!awsKms && !gcpKms && !azureKeyVault) return {};
  return {
    calls: ["cloud"],
    // Each cloud's own sign that a service account is somebody there (docs of EKS IRSA, GKE and AKS workload identity).
    ...awsRole(awsKms?.roleArn),
    ...(gcpKms?.serviceAccount === undefined
      ? {}
      : { annotations: { "iam.gke.io/gcp-service-account": gcpKms.serviceAccount } }),
    ...(azureKeyVault?.clientId === undefined
      ? {}
      : {
          annotations: { "azure.workload.identity/client-id": azureKeyVault.clientId },
          labels: { "azure.workload.identity/use": "true" },
        }),
  };
}
