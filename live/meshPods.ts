import type { StackConfig } from "../core/schema/schema";

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
