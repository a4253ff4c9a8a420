import type { KubernetesObject } from "../components/kubernetes";

/** The annotation by which kwok knows its nodes; it leaves others alone. */
export const fakeNode = "kwok.x-k8s.io/node";

/** Nodes for kwok, `node-1` and on. */
export const fakeNodes = (count: number): KubernetesObject[] =>
  Array.from({ length: count }, (_, index) => `node-${index + 1}`).map((name) => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      annotations: { [fakeNode]: "fake" },
      labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" },
    },
  }));

/** A default storage class and volumes for it, made by hand: there is nobody who would make them when they are asked for. A released one is not used again. */
export const fakeVolumes = (count: number): KubernetesObject[] => [
  {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "standard", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
    provisioner: "kubernetes.io/no-provisioner",
  },
  ...Array.from({ length: count }, (_, index) => ({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: `volume-${index + 1}` },
    spec: {
      storageClassName: "standard",
      capacity: { storage: "10Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      hostPath: { path: `/nonexistent/volume-${index + 1}` },
    },
  })),
];
