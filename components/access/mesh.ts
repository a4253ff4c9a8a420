/** What a mesh cannot say of a configuration. */
export interface MeshConflict {
  /** The key, from the configuration's own. */
  readonly path: readonly (string | number)[];
  readonly allowed: string;
  readonly example?: string;
}
