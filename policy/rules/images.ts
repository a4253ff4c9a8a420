import { parseImage, type ImageReference } from "../../core/util/imageReference";
import type { KubernetesObject } from "../../core/util/kubernetes";
import { listOf, podOf, recordOf, textOf } from "./values";

/** The image of one container of a workload. */
export interface ContainerImage {
  readonly object: KubernetesObject;
  /** `container spire-agent`, `init container wait` */
  readonly where: string;
  /** The container's name. */
  readonly container: unknown;
  /** As it is written, and its parts; undefined for what is no reference. */
  readonly image: unknown;
  readonly parts: ImageReference | undefined;
}

/** Where each kind of workload has its pod. */
const pods = new Map<string, (workload: KubernetesObject) => unknown>([
  ["StatefulSet", podOf],
  ["DaemonSet", podOf],
  ["Deployment", podOf],
  ["Job", podOf],
  ["CronJob", ({ spec }) => podOf(recordOf(recordOf(spec)["jobTemplate"]))],
  ["Pod", ({ spec }) => spec],
]);

/** Whether an object has containers. */
export const hasContainers = ({ kind }: KubernetesObject): boolean => pods.has(kind);

/** The images of every container and init container of a workload; none for any other object. */
export function imagesOf(object: KubernetesObject): ContainerImage[] {
  const pod = recordOf(pods.get(object.kind)?.(object));
  return [
    ...listOf(pod["initContainers"]).map(imageOf("init container")),
    ...listOf(pod["containers"]).map(imageOf("container")),
  ];

  function imageOf(kind: string) {
    return (entry: unknown): ContainerImage => {
      const { name, image } = recordOf(entry);
      const parts = typeof image === "string" ? parseImage(image) : undefined;
      return { object, where: `${kind} ${textOf(name)}`, container: name, image, parts };
    };
  }
}
