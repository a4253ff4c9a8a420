import { type NamespaceState } from "../../core/rollout/state";
import type { StackConfig } from "../../core/schema/schema";
import type { KubernetesObject, PlannedObject } from "../../core/util/kubernetes";

type Mesh = NonNullable<StackConfig["mesh"]>;
type Marks = Pick<KubernetesObject["metadata"], "labels" | "annotations">;

/** What takes the pods of a namespace into a mesh. */
export interface MeshNamespacesArgs {
  /** Namespaces that are there, and that nobody keeps in Git. */
  readonly namespaces: readonly string[];
  readonly marks: Marks;
}

/** The label that takes a namespace into Cilium's ztunnel, with the value `true`. */
export const ztunnelLabel = "io.cilium/mtls-enabled";

/**
 * What takes the pods of a namespace into the mesh: for sidecars and proxies those that start from then on, for Istio's ztunnel and Cilium's at once those that run too. (Istio
 * docs, Sidecar injection and Add workloads to an ambient mesh; Linkerd docs, Automatic Proxy Injection; cilium Documentation/security/network/encryption-ztunnel.rst.)
 */
export function meshMarks({ istio, ztunnel }: Mesh): Marks {
  if (ztunnel) return { labels: { [ztunnelLabel]: "true" } };
  if (!istio) return { annotations: { "linkerd.io/inject": "enabled" } };
  if (istio.mode === "ambient") return { labels: { "istio.io/dataplane-mode": "ambient" } };
  return { labels: istio.revision ? { "istio.io/rev": istio.revision } : { "istio-injection": "enabled" } };
}

/** Whether this program may write them, where nobody has the namespace in Git. */
export const writesMarks = ({ istio, linkerd, ztunnel }: Mesh): boolean =>
  (istio ?? linkerd ?? ztunnel)?.namespaces === "patch";

/** Whether pods that run are taken in too, without a restart. */
export const takesRunningPods = ({ istio, ztunnel }: Mesh): boolean =>
  istio?.mode === "ambient" || ztunnel !== undefined;

/**
 * Of a namespace that somebody else has made the marks alone, under a field manager of their own: one that makes a namespace too would take them away. They stay when they leave the
 * program: who is denied without a certificate must not lose it.
 */
export function meshNamespaceObjects(component: string, { namespaces, marks }: MeshNamespacesArgs): PlannedObject[] {
  return namespaces.map((name) => ({
    name: `${component}-${name}`,
    manifest: {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: {
        name,
        ...marks,
        annotations: { "pulumi.com/patchFieldManager": marksManager, ...marks.annotations },
      },
    },
    after: [],
    keep: "retained",
    patch: true,
  }));
}

/** Under which they are written. */
export const marksManager = "zero-trust-mesh";

/** What Git has to have, as YAML. */
export function marksSnippet(namespace: string, { labels, annotations }: Marks): string {
  const lines = (of: string, marks: Marks["labels"] = {}) => [
    `  ${of}:`,
    // Unquoted, YAML reads a boolean, which is no label.
    ...Object.entries(marks).map(([key, value]) => `    ${key}: ${value === "true" ? '"true"' : value}`),
  ];
  return [
    "metadata:",
    `  name: ${namespace}`,
    ...(labels ? lines("labels", labels) : []),
    ...(annotations ? lines("annotations", annotations) : []),
  ].join("\n");
}

/**
 * @param live undefined where there is none
 * @returns its state, or what keeps it out of the mesh by somebody's choice
 */
export function namespaceState(mesh: Mesh, live: Marks | undefined): NamespaceState | { readonly says: string } {
  if (!live) return "missing";
  const { labels = {}, annotations = {} } = live;
  const has = (key: string) => labels[key] ?? annotations[key];
  const wanted = Object.entries({ ...meshMarks(mesh).labels, ...meshMarks(mesh).annotations });
  const others = mesh.istio && mesh.istio.mode !== "ambient" ? ["istio-injection", "istio.io/rev"] : [];
  const against = [...wanted.map(([key]) => key), ...others].find(
    (key) => has(key) !== undefined && !wanted.some(([wanted, value]) => wanted === key && value === has(key)),
  );
  if (has("linkerd.io/inject") === "ingress" && mesh.linkerd) return "marked";
  if (against !== undefined) return { says: `${against}: ${has(against)}` };
  const marked = wanted.every(([key]) => has(key) !== undefined);
  if (owners.some((key) => has(key) !== undefined) || !writesMarks(mesh)) return marked ? "marked" : "git";
  return "ours";
}

/** By which Flux and Argo CD know what is theirs: both put back what Git has. */
const owners = [
  "kustomize.toolkit.fluxcd.io/name",
  "helm.toolkit.fluxcd.io/name",
  "argocd.argoproj.io/instance",
  "argocd.argoproj.io/tracking-id",
];
