/** The annotation by which kwok knows its nodes; it leaves others alone. */
export const fakeNode = "kwok.x-k8s.io/node";

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
    })),
  });
