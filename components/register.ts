import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { RandomPassword } from "@pulumi/random/randomPassword";
import type { KubernetesObject, PlannedObject, PlannedRelease } from "../core/util/kubernetes";

type ResourceClass = new (
  name: string,
  args: Record<string, unknown>,
  options: pulumi.CustomResourceOptions,
) => pulumi.CustomResource;

/** Kubernetes' own kinds, which have classes that know their aliases; every other kind is a custom resource. */
const classes = {
  "v1/ConfigMap": k8s.core.v1.ConfigMap,
  "v1/Namespace": k8s.core.v1.Namespace,
  "v1/NamespacePatch": k8s.core.v1.NamespacePatch,
  "v1/PersistentVolumeClaim": k8s.core.v1.PersistentVolumeClaim,
  "v1/Secret": k8s.core.v1.Secret,
  "v1/Service": k8s.core.v1.Service,
  "v1/ServiceAccount": k8s.core.v1.ServiceAccount,
  "apps/v1/DaemonSet": k8s.apps.v1.DaemonSet,
  "apps/v1/Deployment": k8s.apps.v1.Deployment,
  "apps/v1/StatefulSet": k8s.apps.v1.StatefulSet,
  "storage.k8s.io/v1/CSIDriver": k8s.storage.v1.CSIDriver,
  "policy/v1/PodDisruptionBudget": k8s.policy.v1.PodDisruptionBudget,
  "networking.k8s.io/v1/NetworkPolicy": k8s.networking.v1.NetworkPolicy,
  "rbac.authorization.k8s.io/v1/ClusterRole": k8s.rbac.v1.ClusterRole,
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": k8s.rbac.v1.ClusterRoleBinding,
  "rbac.authorization.k8s.io/v1/Role": k8s.rbac.v1.Role,
  "rbac.authorization.k8s.io/v1/RoleBinding": k8s.rbac.v1.RoleBinding,
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy": k8s.admissionregistration.v1.ValidatingAdmissionPolicy,
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding":
    k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding,
  "apiextensions.k8s.io/v1/CustomResourceDefinition": k8s.apiextensions.v1.CustomResourceDefinition,
} as unknown as Readonly<Record<string, ResourceClass | undefined>>;

/** Of an object, what has to come about after it is made or changed, before what comes after it; undefined where the provider's word is enough. */
export type WaitFor = (manifest: KubernetesObject) => (() => Promise<void>) | undefined;

/**
 * Registers a component's objects exactly as planned: inputs, order, and what may not be deleted.
 *
 * @param options the component's own; how long it may take is how long each of its objects may
 * @param release the component's, which comes after the objects that it names and before those that name it
 * @param waitFor a wait of the program's own
 * @returns the resources by name; and `ready`, true once all of them are in the cluster and ready: what derives from it is not known to the engine before
 */
export function registerObjects(
  parent: pulumi.ComponentResource,
  objects: readonly PlannedObject[],
  { customTimeouts }: pulumi.ComponentResourceOptions = {},
  release?: PlannedRelease,
  waitFor?: WaitFor,
): { readonly resources: ReadonlyMap<string, pulumi.Resource>; readonly ready: pulumi.Output<boolean> } {
  const registered = new Map<string, pulumi.CustomResource>();
  /** What others come after: the resources, once what is waited for after them has come about. */
  const settled = new Map<string, pulumi.Input<pulumi.Resource>>();
  const urns = [parent.urn];
  const add = (name: string, resource: pulumi.CustomResource, wait?: () => Promise<void>) => {
    registered.set(name, resource);
    const urn = wait ? resource.urn.apply((urn) => wait().then(() => urn)) : resource.urn;
    urns.push(urn);
    settled.set(name, wait ? urn.apply(() => resource) : resource);
  };
  const optionsOf = ({ after = [], keep }: Pick<PlannedObject, "keep"> & { readonly after?: readonly string[] }) => ({
    parent,
    dependsOn: after.map((other) => earlier(settled, other)),
    ...(keep === true ? { protect: true } : {}),
    ...(keep ? { retainOnDelete: true } : {}),
    ...(customTimeouts ? { customTimeouts } : {}),
  });
  const register = (object: PlannedObject) => {
    const { name, manifest, password, patch } = object;
    const key = `${manifest.apiVersion}/${manifest.kind}${patch ? "Patch" : ""}`;
    const Class = classes[key] ?? (k8s.apiextensions.CustomResource as unknown as ResourceClass);
    const generated = password === undefined ? {} : { stringData: { [password]: newPassword(name, parent).result } };
    add(name, new Class(name, { ...manifest, ...generated }, optionsOf(object)), waitFor?.(manifest));
  };
  const first = new Set(release?.after);
  objects.filter(({ name }) => first.has(name)).forEach(register);
  if (release) add(release.name, new k8s.helm.v3.Release(release.name, { ...release.args }, optionsOf(release)));
  objects.filter(({ name }) => !first.has(name)).forEach(register);
  // The URN is known in a preview too, so that the preview shows what the outputs become.
  const ready = pulumi.all(urns).apply(() => true);
  return { resources: registered, ready };
}

/** Letters and digits alone, which mean the same wherever they are put. */
const newPassword = (name: string, parent: pulumi.Resource) =>
  new RandomPassword(name, { length: 32, special: false }, { parent });

/** What was registered under a name; a plan has everything after what it needs, so a name that is missing is this program's mistake. */
export function earlier<T>(registered: ReadonlyMap<string, T>, name: string): T {
  const resource = registered.get(name);
  if (resource === undefined) throw new Error(`${name} is not planned before what comes after it`);
  return resource;
}
