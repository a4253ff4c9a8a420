import type { KubernetesObject } from "../components/kubernetes";
import { listOf, podOf, recordOf } from "./values";

/** The image of one container or init container of a workload. */
export interface ContainerImage {
  readonly object: KubernetesObject;
  /** `containers[spire-agent].image` */
  readonly where: string;
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Every image in a workload's pod template. */
export function imagesOf(object: KubernetesObject): ContainerImage[] {
  const pod = podOf(object);
  return ["initContainers", "containers"].flatMap((list) =>
    listOf(pod[list])
      .map(recordOf)
      .map(({ name, image }) => ({ object, where: `${list}[${String(name)}].image`, ...partsOf(String(image)) })),
  );
}

/** `repository:tag@digest`, as the OCI distribution specification has references; a colon before a slash is a port. */
function partsOf(image: string): Pick<ContainerImage, "repository" | "tag" | "digest"> {
  const [reference = "", digest] = image.split("@");
  const [, repository = reference, tag] = /^(.+):([^/:]+)$/.exec(reference) ?? [];
  return { repository, tag, digest };
}
