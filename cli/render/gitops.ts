import { describeObject, manifestsOf, type KubernetesObject, type PlannedObject } from "../../core/util/kubernetes";
import { ciliumOf } from "../../core/schema/schema";
import { fileNameOf, yaml, type RenderedFile } from "../lib/files";
import type { RenderedStack } from "../lib/renderStack";

/** One stack as it is with authentication on and as it is with it off: what a tree in Git holds at once. */
export interface BothWays {
  readonly on: RenderedStack;
  readonly off: RenderedStack;
}

/** What is applied together: a folder with a kustomization.yaml. */
export interface Folder {
  /** Relative to the stack's directory. */
  readonly path: string;
  readonly objects: readonly KubernetesObject[];
}

/** What a tool has to be told on an object, as annotations. */
export interface Marks {
  /** That it is not deleted when it leaves Git. */
  readonly kept: Readonly<Record<string, string>>;
  /** That `${…}` in it is text. */
  readonly literal: Readonly<Record<string, string>>;
}

/** The folder of a part that follows the flag. */
export const withFlag = (part: string, flag: boolean | string) => `${part}/authn-${flag}`;

/**
 * The objects of a stack in folders, which Flux and Argo CD share: `crds`, `certificates` and `spire`, as far as the stack has them, and twice what follows the flag,
 * `cilium` and `policies`. The same objects as `npm run render` writes, with the marks of the tool.
 */
export function foldersOf({ on, off }: BothWays, marks: Marks): Folder[] {
  const marked = (objects: readonly PlannedObject[]) =>
    objects.filter(({ manifest }) => manifest.kind !== "Secret").map((object) => markedObject(object, marks));
  const of = (stack: RenderedStack, ...kinds: readonly string[]) =>
    stack.plan.components.filter(({ kind }) => kinds.includes(kind)).flatMap(({ objects }) => objects);
  const everything = on.plan.components.flatMap(({ objects }) => objects);
  const isCrd = ({ manifest }: PlannedObject) => manifest.kind === "CustomResourceDefinition";
  const both = (part: string, ...kinds: readonly string[]) =>
    [on, off].map((stack) => ({
      path: withFlag(part, stack === on),
      objects: [...(part === "policies" ? [phasesOf(stack)] : []), ...marked(of(stack, ...kinds))],
    }));
  return [
    { path: "crds", objects: marked(everything.filter(isCrd)) },
    { path: "certificates", objects: marked(of(on, "Certificates").filter((object) => !isCrd(object))) },
    { path: "spire", objects: marked(of(on, "Spire").filter((object) => !isCrd(object))) },
    ...both("cilium", "CiliumAuth"),
    ...both("policies", "CiliumAuthPolicy", "DenyAll"),
  ].filter(({ objects }) => objects.length > 0);
}

/** What is not in the tree, each with what to do about it. */
export function leftOutOf({ on }: BothWays): string[] {
  const secrets = manifestsOf(on.plan.components).filter(({ kind }) => kind === "Secret");
  const release = on.plan.components.find(({ kind }) => kind === "Certificates")?.release;
  return [
    ...secrets.map(
      (secret) =>
        `${describeObject(secret)}: it is secret; make it with SOPS or External Secrets, beside the tree (docs/gitops.md)`,
    ),
    ...(release ? [`cert-manager's release: install its chart as you do others, before the certificates`] : []),
  ];
}

/** What the policies are of: never empty, so that the folder can be built before there is a policy, and to be read in the cluster. */
function phasesOf({ config, plan }: RenderedStack): KubernetesObject {
  const phases = Object.fromEntries(plan.phases.map(({ namespace, to }) => [namespace, to]));
  return configMap("zero-trust-phases", ciliumOf(config.cluster).namespace, phases);
}

/** A ConfigMap that says something to whoever reads it, and is read by nothing. */
export const configMap = (
  name: string,
  namespace: string,
  data: Readonly<Record<string, string>>,
): KubernetesObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  // Argo CD's waves are patched into annotations that are there.
  metadata: { name, namespace, annotations: { "app.kubernetes.io/managed-by": "zero-trust" } },
  data,
});

/** What outlives its place in Git, whichever part it is of. */
const keptKinds = ["CustomResourceDefinition", "Namespace", "PersistentVolumeClaim"];

function markedObject({ manifest, keep, name }: PlannedObject, marks: Marks): KubernetesObject {
  const kept = keep || keptKinds.includes(manifest.kind) || name === "cilium-auth-values";
  const annotations = {
    ...manifest.metadata.annotations,
    ...(kept ? marks.kept : {}),
    ...(JSON.stringify(manifest).includes("${") ? marks.literal : {}),
  };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

/** A folder's objects, a file each, and its kustomization.yaml. */
export function filesOfFolder(stack: string, { path, objects }: Folder, more: object = {}): RenderedFile[] {
  const named = objects.map((object) => ({ file: `${fileNameOf(object)}.yaml`, object }));
  const resources = named.map(({ file }) => file).sort();
  return [
    ...named.map(({ file, object }) => yamlFile(stack, `${path}/${file}`, object)),
    kustomization(stack, path, resources, more),
  ];
}

/** @param resources files and folders, relative to the folder */
export const kustomization = (stack: string, path: string, resources: readonly string[], more: object = {}) =>
  yamlFile(stack, join(path, "kustomization.yaml"), {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources,
    ...more,
  });

export const yamlFile = (stack: string, path: string, content: object): RenderedFile => ({
  path,
  content: `# Rendered from Pulumi.${stack}.yaml. Do not edit.\n${yaml(content)}`,
});

const join = (folder: string, file: string) => (folder === "" ? file : `${folder}/${file}`);
