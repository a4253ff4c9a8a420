import { type StackConfig, isClosed, type Phase } from "../../core/schema/schema";
import { namespaceState } from "../../components/access/meshMarks";
import type { NamespaceState } from "../../core/rollout/state";
import { absent, endedBy, itemsOf, kubeconfigAt, reasonOf } from "../client";

/** What is known of the namespaces of a stack whose mesh is not Cilium. */
export interface MeshLook {
  /** Whether each may be marked for the mesh; what it says against that; or why nobody knows. */
  readonly namespaces: Readonly<
    Record<string, NamespaceState | { readonly says: string } | { readonly because: string }>
  >;
  /** Running pods that are not in the mesh, by the namespace, with why; or why nobody knows. */
  readonly outside: Readonly<Record<string, readonly string[] | { readonly because: string }>>;
}

/** How long each answer may take, in milliseconds. */
const patience = 5_000;

/**
 * Looks whether the namespaces of a stack may be marked for its mesh, and which pods are not in it where callers are denied. Reads namespaces and pods; never throws.
 */
export async function askMesh({ cluster, mesh, auth, rollout }: StackConfig): Promise<MeshLook> {
  const none: MeshLook = { namespaces: {}, outside: {} };
  if (!mesh) return none;
  const kubeconfig = await kubeconfigAt(cluster.context);
  if (!kubeconfig) return none;
  const { CoreV1Api } = await import("@kubernetes/client-node");
  const core = kubeconfig.makeApiClient(CoreV1Api);
  const each = async <T>(names: readonly string[], ask: (name: string) => Promise<T>) => {
    const answers = names.map(async (name): Promise<[string, T | { readonly because: string }]> => {
      try {
        return [name, await ask(name)];
      } catch (error) {
        return [name, { because: reasonOf(error) }];
      }
    });
    return Object.fromEntries(await Promise.all(answers)) as Record<string, T | { readonly because: string }>;
  };
  const inPhases = (isMeant: (phase: Phase | undefined) => boolean) =>
    Object.keys(rollout.phases).filter((namespace) => isMeant(rollout.phases[namespace]));
  const options = await endedBy(AbortSignal.timeout(patience));
  const fieldSelector = "status.phase=Running";
  const [namespaces, outside] = await Promise.all([
    each(
      inPhases((phase) => phase !== "off"),
      async (name) => {
        const live = await absent(core.readNamespace({ name }, options));
        return namespaceState(mesh, live && (live.metadata ?? {}));
      },
    ),
    each(auth ? inPhases(isClosed) : [], async (namespace) =>
      outsideMesh(mesh, await itemsOf<MeshPod>(core.listNamespacedPod({ namespace, fieldSelector }, options))),
    ),
  ]);
  return { namespaces, outside };
}

/** As much of a pod as tells whether it is in a mesh. */
export interface MeshPod {
  readonly metadata?: { readonly name?: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly hostNetwork?: boolean;
    readonly containers?: readonly { readonly name: string }[];
    readonly initContainers?: readonly { readonly name: string }[];
  };
}

/**
 * Names the pods that are not in the mesh, and so serve everybody: by their sidecar, which may be among the init containers; and in ambient mode by what Istio's CNI
 * writes on a pod whose connections it redirects (istio/api annotation, ambient.istio.io/redirection).
 */
export function outsideMesh({ istio }: NonNullable<StackConfig["mesh"]>, pods: readonly MeshPod[]): string[] {
  const proxy = istio ? "istio-proxy" : "linkerd-proxy";
  const isIn = ({ metadata, spec }: MeshPod) =>
    istio?.mode === "ambient"
      ? metadata?.annotations?.["ambient.istio.io/redirection"] === "enabled" || hasContainer(spec, proxy)
      : hasContainer(spec, proxy);
  return pods
    .filter((pod) => !isIn(pod))
    .map(({ metadata, spec }) => `${metadata?.name}${spec?.hostNetwork ? " (on its node's network)" : ""}`);
}

const hasContainer = (spec: MeshPod["spec"], name: string) =>
  [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some((container) => container.name === name);
