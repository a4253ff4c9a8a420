/** A part of Cilium's, by the labels that its pods have beside `app`. */
interface Labels {
  readonly agent?: Readonly<Record<string, string>>;
  readonly operator?: Readonly<Record<string, string>>;
}

/**
 * Cilium's configuration, agents and operator as its chart makes them, with pods that run nothing.
 *
 * @param data the ConfigMap's
 * @param authenticates whether its pods have the volume with SPIRE's socket
 */
export function ciliumObjects(data: Readonly<Record<string, string>>, authenticates: boolean, labels: Labels = {}) {
  const volumes = authenticates ? [{ name: "spire-agent-socket", emptyDir: {} }] : [];
  const workload = (kind: string, app: string, container: string, more: object, spec: object) => ({
    apiVersion: "apps/v1",
    kind,
    metadata: { name: app, namespace: "kube-system" },
    spec: {
      ...spec,
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels: { app, ...more } },
        spec: { containers: [{ name: container, image: "cilium" }], volumes, tolerations: [{ operator: "Exists" }] },
      },
    },
  });
  const metadata = { name: "cilium-config", namespace: "kube-system" };
  return [
    { apiVersion: "v1", kind: "ConfigMap", metadata, data },
    workload("DaemonSet", "cilium", "cilium-agent", labels.agent ?? {}, {}),
    workload("Deployment", "cilium-operator", "cilium-operator", labels.operator ?? {}, { replicas: 1 }),
  ];
}
