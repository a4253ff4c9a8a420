import { createHash } from "node:crypto";
import { groupBy } from "../util/groupBy";
import { describeObject, type KubernetesObject } from "../util/kubernetes";

/**
 * What Kubernetes lets nobody change in place, by kind: a change of it replaces the object (the validation of k8s.io/kubernetes, pkg/apis). Only of kinds that are
 * not protected from it, and nothing that the API server fills in where it is left out: after an update the policy pack is given the live objects.
 */
const immutable: Readonly<Record<string, readonly string[]>> = {
  StatefulSet: ["spec.serviceName", "spec.selector"],
  DaemonSet: ["spec.selector"],
  Deployment: ["spec.selector"],
  RoleBinding: ["roleRef"],
  ClusterRoleBinding: ["roleRef"],
};

/** What an update records of its objects, short enough to be shown each time. */
export interface ObjectRecord {
  /** Names of the Cilium policies of each namespace, separated by spaces. Those of another mesh are among the others. */
  readonly policies: Readonly<Record<string, string>>;
  /** A fingerprint of which other objects there are, and of what cannot be changed in place of each: another one, and something is deleted, replaced or new. */
  readonly others: string;
}

/** The record of an update's objects. */
export function recordOf(manifests: readonly KubernetesObject[]): ObjectRecord {
  const isPolicy = ({ kind }: KubernetesObject) => kind === "CiliumNetworkPolicy";
  const policies = groupBy(manifests.filter(isPolicy), ({ metadata }) => metadata.namespace ?? "");
  const others = manifests.filter((manifest) => !isPolicy(manifest)).map((m) => describeObject(m) + immutableParts(m));
  const namesOf = (group: readonly KubernetesObject[]) => group.map(({ metadata }) => metadata.name).sort();
  return {
    policies: Object.fromEntries(
      [...policies.keys()].sort().map((namespace) => [namespace, namesOf(policies.get(namespace) ?? []).join(" ")]),
    ),
    others: createHash("sha256").update(others.sort().join("\n")).digest("hex").slice(0, 16),
  };
}

function immutableParts(manifest: KubernetesObject): string {
  const values = (immutable[manifest.kind] ?? []).map((path) =>
    path.split(".").reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], manifest),
  );
  return JSON.stringify([...values, ...claimsOf(manifest)]);
}

/** The names of the volumes that a StatefulSet claims for each of its pods. */
function claimsOf({ kind, spec }: KubernetesObject): string[] {
  if (kind !== "StatefulSet") return [];
  const { volumeClaimTemplates = [] } = spec as { volumeClaimTemplates?: readonly { metadata: { name: string } }[] };
  return volumeClaimTemplates.map(({ metadata }) => metadata.name);
}
