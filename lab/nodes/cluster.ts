import { startControlPlane, type ControlPlane } from "../controlPlane";
import { clusterImages } from "./clusterImages";
import { coredns } from "./coredns";

/** The storage class of the lab's volumes, which a claim names. */
export const storageClass = "lab";

/**
 * Starts a cluster of real nodes, whose pods run once somebody has given them a network: that is for Cilium, which the program under test installs.
 *
 * @param images archives that the nodes are to have beside those of every cluster
 * @throws LabError where this machine lacks something, ToolError where a program cannot be built
 */
export async function startCluster(nodes: number, images: readonly string[] = []): Promise<ControlPlane> {
  const realNodes = { count: nodes, images: [...clusterImages(), ...images] };
  const plane = await startControlPlane({ controllers: true, realNodes });
  try {
    const objects = [...coredns(), ...storage()].map((object) => JSON.stringify(object)).join("\n---\n");
    plane.kubectl(["apply", "--server-side", "--filename", "-"], objects);
    for (const { name } of plane.realNodes) plane.kubectl(["wait", "--for=create", `node/${name}`, "--timeout=60s"]);
    return plane;
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

/** As an administrator without a provisioner has it: a volume that is there before anybody claims it, on the first node, where whoever uses it has to run. */
const storage = () => [
  {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: storageClass },
    provisioner: "kubernetes.io/no-provisioner",
    volumeBindingMode: "WaitForFirstConsumer",
  },
  {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "node1" },
    spec: {
      storageClassName: storageClass,
      capacity: { storage: "10Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      local: { path: "/var/lib/volume" },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["node1"] }] },
          ],
        },
      },
    },
  },
];
