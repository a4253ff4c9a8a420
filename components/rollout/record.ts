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

/** What an update records of its objects, short enough to be shown each time. */
export interface ObjectRecord {
  /** Names of the Cilium policies of each namespace, separated by spaces. */
  readonly policies: Readonly<Record<string, string>>;
  /** A fingerprint of which other objects there are, and of what cannot be changed in place of each: another one, and something is deleted, replaced or new. */
  readonly others: string;
}

/** The record of an update's objects. */
export function recordOf(manifests: readonly KubernetesObject[]): ObjectRecord {
  const policies = new Map<string, string[]>();
  const others: string[] = [];
  for (const manifest of manifests) {
    const { kind, metadata } = manifest;
    const { namespace = "", name } = metadata;
    if (kind === "CiliumNetworkPolicy") append(policies, namespace, name);
    else others.push(describeObject(manifest) + immutableParts(manifest));
  }
  return {
    policies: Object.fromEntries([...policies].sort().map(([namespace, names]) => [namespace, names.sort().join(" ")])),
    others: createHash("sha256").update(others.sort().join("\n")).digest("hex").slice(0, 16),
  };
}

function immutableParts(manifest: KubernetesObject): string {
  const values = (immutable[manifest.kind] ?? []).map((path) =>
    path.split(".").reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], manifest),
  );
  return JSON.stringify(values);
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
