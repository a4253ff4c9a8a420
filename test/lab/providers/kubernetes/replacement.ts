import { isFields, type Fields } from "../values";

/** Which kinds of object the provider may update in place although their data is fixed by default. */
export interface Mutable {
  readonly configMaps: boolean;
  readonly secrets: boolean;
}

/**
 * Fields that, changed, make a new object, by kind. It is the official provider's own list (pulumi-kubernetes: forceNew in provider/pkg/provider/diff.go), not
 * Kubernetes': a field that only the API server holds fast (`volumeMode` of a claim) is an update there, which then fails.
 */
const byKind: Readonly<Record<string, readonly string[]>> = {
  "apps/v1/DaemonSet": ["spec.selector"],
  "apps/v1/Deployment": ["spec.selector"],
  "apps/v1/StatefulSet": [
    "spec.podManagementPolicy",
    "spec.revisionHistoryLimit",
    "spec.selector",
    "spec.serviceName",
    "spec.volumeClaimTemplates",
  ],
  "batch/v1/Job": ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"],
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/v1/RoleBinding": ["roleRef"],
  "storage.k8s.io/v1/StorageClass": ["parameters", "provisioner"],
  "v1/PersistentVolumeClaim": ["spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"],
  "v1/ResourceQuota": ["spec.scopes"],
  "v1/Secret": ["type"],
  "v1/Service": ["spec.clusterIP"],
};

/** Paths, from the object's root, of what may not change in place. */
export function fixedFields(object: Fields, mutable: Mutable): readonly string[] {
  const kind = `${String(object["apiVersion"])}/${String(object["kind"])}`;
  const immutable = object["immutable"] === true;
  const data =
    kind === "v1/ConfigMap" && (immutable || !mutable.configMaps)
      ? ["data", "binaryData"]
      : kind === "v1/Secret" && (immutable || !mutable.secrets)
        ? ["data", "stringData"]
        : [];
  const pod = kind === "v1/Pod" ? ["spec"] : [];
  return ["kind", "metadata.name", "metadata.namespace", ...(byKind[kind] ?? []), ...data, ...pod];
}

/**
 * Whether a change at a path touches a fixed field.
 *
 * @param value what goes or comes there, with everything in it
 */
export function touches(path: readonly (string | number)[], fixed: readonly string[], value: unknown): boolean {
  const changed = path.filter((step) => typeof step === "string").join(".");
  return fixed.some(
    (field) =>
      changed === field ||
      changed.startsWith(`${field}.`) ||
      (field.startsWith(`${changed}.`) && holds(value, field.slice(changed.length + 1))),
  );
}

/** Whether there is something at a path. */
function holds(value: unknown, path: string): boolean {
  const [step = "", ...rest] = path.split(".");
  if (!isFields(value) || !Object.hasOwn(value, step)) return false;
  return rest.length === 0 || holds(value[step], rest.join("."));
}
