/** What has to be known of who may call whom where Cilium's ztunnel is. */
export const ztunnelNote =
  "mesh.ztunnel is experimental: ztunnel encrypts TCP between the pods of enrolled namespaces, and nobody decides who may call whom (docs/ztunnel.md)";

/** What a mesh cannot say of a configuration. */
export interface MeshConflict {
  /** The key, from the configuration's own. */
  readonly path: readonly (string | number)[];
  readonly allowed: string;
  readonly example?: string;
}
