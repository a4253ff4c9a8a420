import { type KeyManager } from "../settings";
import { awsRole, type ServerParts } from "./parts";
import { vaultData, vaultParts } from "./vault";

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
