/** The annotation by which kwok knows its nodes; it leaves others alone. */
export const fakeNode = "kwok.x-k8s.io/node";

/** What kwok leaves to the node: without ephemeral storage no pod fits that asks for some. */
const resources = { cpu: "8", memory: "32Gi", pods: "110", "ephemeral-storage": "100Gi" };

/** The manifest of nodes for kwok, `node-1` and on. */
export const fakeNodes = (count: number): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: Array.from({ length: count }, (_, index) => `node-${index + 1}`).map((name) => ({
      apiVersion: "v1",
      kind: "Node",
      metadata: {
        name,
        annotations: { [fakeNode]: "fake" },
        labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" },
      },
      status: { capacity: resources, allocatable: resources },
    })),
  });
