import { type VaultAccess } from "../settings";
import { callTo, secretFiles, type ServerParts } from "./parts";

const directoryOf = (plugin: string) => `/run/spire/vault/${plugin}`;

/**
 * What both plugins that speak with Vault are told of it (doc/plugin_server_upstreamauthority_vault.md, plugin_server_keymanager_hashicorp_vault.md).
 *
 * @param plugin `authority` or `keys`: each has files of its own
 */
export function vaultData(plugin: string, { address, role, authMount, namespace, caSecret }: VaultAccess): object {
  const directory = directoryOf(plugin);
  return {
    vault_addr: address,
    ...(namespace === undefined ? {} : { namespace }),
    ...(caSecret === undefined ? {} : { ca_cert_path: `${directory}/ca/ca.crt` }),
    k8s_auth: {
      k8s_auth_mount_point: authMount,
      k8s_auth_role_name: role,
      token_path: `${directory}/token/vault`,
    },
  };
}

/** A token for Vault alone, which the kubelet renews, and Vault's CA. */
export function vaultParts(plugin: string, { address, audience, caSecret }: VaultAccess): Partial<ServerParts> {
  const directory = directoryOf(plugin);
  const name = `vault-${plugin}`;
  const sources = [{ serviceAccountToken: { path: "vault", audience, expirationSeconds: 3600 } }];
  const ca = caSecret === undefined ? undefined : secretFiles(`${name}-ca`, caSecret, `${directory}/ca`, ["ca.crt"]);
  return {
    calls: [callTo(address)],
    volumes: [{ name, projected: { sources } }, ...(ca?.volumes ?? [])],
    volumeMounts: [{ name, mountPath: `${directory}/token`, readOnly: true }, ...(ca?.volumeMounts ?? [])],
  };
}
