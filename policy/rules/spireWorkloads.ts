import { dirname } from "node:path/posix";
import type { KubernetesObject } from "../../core/util/kubernetes";
import { spireConfigurationOf, type SpireConfiguration } from "./spireConfiguration";
import { listOf, podOf, recordOf } from "./values";

/** A workload that runs a SPIRE server or agent, and its configuration. */
export interface SpireWorkload {
  readonly workload: KubernetesObject;
  readonly configuration: SpireConfiguration;
}

/** The workloads that mount a configuration of SPIRE's: those of a server, or those of agents. */
export function spireWorkloads(objects: readonly KubernetesObject[], part: "server" | "agent"): SpireWorkload[] {
  const configurations = new Map(
    objects.flatMap((object) => {
      const configuration = spireConfigurationOf(object, part);
      return configuration ? [[keyOf(object, object.metadata.name), configuration] as const] : [];
    }),
  );
  if (configurations.size === 0) return [];
  return objects
    .filter(({ kind }) => kind === "StatefulSet" || kind === "Deployment" || kind === "DaemonSet")
    .flatMap((workload) => {
      const names = volumesOf(workload).map((volume) => recordOf(volume["configMap"])["name"]);
      const found = names.map((name) => configurations.get(keyOf(workload, name))).find((one) => one !== undefined);
      return found ? [{ workload, configuration: found }] : [];
    });
}

export const csiDriverContainer = "spiffe-csi-driver";

/** Whether a workload is SPIFFE's CSI driver, on every node. */
export const isCsiDriver = (workload: KubernetesObject): boolean =>
  workload.kind === "DaemonSet" &&
  listOf(podOf(workload)["containers"]).some((container) => recordOf(container)["name"] === csiDriverContainer);

/** The volumes of a workload's pods, those that a StatefulSet claims for each pod among them. */
export function volumesOf(workload: KubernetesObject): Readonly<Record<string, unknown>>[] {
  const claims = listOf(recordOf(workload["spec"])["volumeClaimTemplates"]).map((claim) => ({
    name: recordOf(recordOf(claim)["metadata"])["name"],
    persistentVolumeClaim: {},
  }));
  return [...listOf(podOf(workload)["volumes"]).map(recordOf), ...claims];
}

/** The volume that a path is on in some container of the workload's pods; undefined where it is on none. */
export function volumeAt(workload: KubernetesObject, path: string): Readonly<Record<string, unknown>> | undefined {
  const mounts = listOf(podOf(workload)["containers"])
    .flatMap((container) => listOf(recordOf(container)["volumeMounts"]).map(recordOf))
    .flatMap(({ name, mountPath }) => (typeof mountPath === "string" ? [{ name, mountPath }] : []))
    .filter(({ mountPath }) => isWithin(path, mountPath))
    .sort((a, b) => b.mountPath.length - a.mountPath.length);
  const [mount] = mounts;
  return mount && volumesOf(workload).find(({ name }) => name === mount.name);
}

/** Whether a path is a directory, or in it. */
export function isWithin(path: string, directory: string): boolean {
  const parent = directory.replace(/\/+$/, "");
  return path === parent || path.startsWith(`${parent}/`);
}

/** The directory of a socket or file, as in `/run/spire` for `/run/spire/admin.sock`. */
export const directoryOf = (path: string): string => dirname(path);

const keyOf = ({ metadata }: KubernetesObject, name: unknown) => JSON.stringify([metadata.namespace, name]);
