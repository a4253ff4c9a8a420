/** Who wrote which fields of an object, as the API server keeps it (ManagedFieldsEntry, meta/v1). */
export interface Managed {
  readonly metadata?: { readonly managedFields?: readonly { readonly manager?: string; readonly fieldsV1?: object }[] };
}

/** Who delivers Cilium's values, and Cilium itself and the cluster's own controllers, by the names under which they write. */
const deliverers = /helm|flux|kustomize|argo|pulumi|zero-trust|terraform|cilium|kube-controller-manager/i;

/**
 * Who else has written what decides over Cilium's authentication: by hand, in an incident or before this program came. What they wrote may stay where values change, for
 * who delivers them takes back only what is its own.
 *
 * @returns a line for each of them
 */
export function foreignManagers(config: Managed, workloads: Readonly<Record<string, Managed>>): string[] {
  const keys = (fields: object) => namesIn(fields, "f:data").filter((key) => key.startsWith("mesh-auth-"));
  const pods = (fields: object) => namesIn(fields, "f:spec", "f:template", "f:spec");
  return [
    ...strangers(config, keys).map(([manager, fields]) => `${manager} wrote ${fields} of the ConfigMap cilium-config`),
    ...Object.entries(workloads).flatMap(([name, workload]) =>
      strangers(workload, pods).map(([manager, fields]) => `${manager} wrote ${fields} of the pods of the ${name}`),
    ),
  ];
}

function strangers({ metadata }: Managed, read: (fields: object) => string[]): [manager: string, fields: string][] {
  return (metadata?.managedFields ?? []).flatMap(({ manager = "somebody", fieldsV1 = {} }) => {
    const fields = deliverers.test(manager) ? [] : read(fieldsV1);
    return fields.length > 0 ? [[manager, fields.join(", ")]] : [];
  });
}

/** The names of the fields at a place in a set of them (FieldsV1: `f:<name>` for each, a dot for the place itself). */
function namesIn(fields: object, ...path: readonly string[]): string[] {
  const at = path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], fields);
  return Object.keys(at ?? {}).flatMap((key) => (key.startsWith("f:") ? [key.slice(2)] : []));
}
