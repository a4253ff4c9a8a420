import { createHash } from "node:crypto";
import { describeObject, type KubernetesObject } from "../kubernetes";

/** What Kubernetes lets nobody change in place, by kind: a change of it replaces the object (the validation of k8s.io/kubernetes, pkg/apis). */
const immutable: Readonly<Record<string, readonly string[]>> = {
  StatefulSet: ["spec.serviceName", "spec.selector", "spec.volumeClaimTemplates", "spec.podManagementPolicy"],
  DaemonSet: ["spec.selector"],
  Deployment: ["spec.selector"],
  PersistentVolumeClaim: ["spec.accessModes", "spec.storageClassName", "spec.volumeMode"],
  Service: ["spec.clusterIP"],
  RoleBinding: ["roleRef"],
  ClusterRoleBinding: ["roleRef"],
};

/**
 * Objects as an update records them: `StatefulSet spire/spire-server#1b2c3d4e`, kind, name and a fingerprint of what cannot be changed in place. An object
 * whose record is not in the next update is deleted or replaced by it.
 */
export function recordOf(manifests: readonly KubernetesObject[]): string[] {
  return manifests.map((manifest) => describeObject(manifest) + fingerprint(manifest)).sort();
}

function fingerprint(manifest: KubernetesObject): string {
  const paths = immutable[manifest.kind];
  if (!paths) return "";
  const values = paths.map((path) =>
    path.split(".").reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], manifest),
  );
  return `#${createHash("sha256").update(JSON.stringify(values)).digest("hex").slice(0, 8)}`;
}
