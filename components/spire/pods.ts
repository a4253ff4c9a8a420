import { createHash } from "node:crypto";
import { labelsOf, owned, type KubernetesObject } from "../../core/util/kubernetes";

/** File contents of a ConfigMap: texts as they are, objects as JSON with a trailing newline. */
export function configMap(
  name: string,
  namespace: string,
  files: Readonly<Record<string, object | string>>,
): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace, ...owned(name) },
    data: Object.fromEntries(
      Object.entries(files).map(([file, content]) => [
        file,
        typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`,
      ]),
    ),
  };
}

/** A pod template that rolls when its configuration changes: nothing else tells a running SPIRE. */
export function podTemplate(
  name: string,
  configuration: KubernetesObject,
  spec: object,
  labels: Readonly<Record<string, string>> = {},
): object {
  const hash = createHash("sha256").update(JSON.stringify(configuration["data"])).digest("hex");
  return { metadata: { labels: { ...labelsOf(name), ...labels }, annotations: { "checksum/config": hash } }, spec };
}

/** Selects the pods of a workload. A StatefulSet's selector cannot be changed later, so it holds no more than it must. */
export const selectorOf = (name: string) => ({ "app.kubernetes.io/name": name });

/** What Pod Security calls restricted, for a pod. */
export const restrictedPod = {
  runAsNonRoot: true,
  runAsUser: 1000,
  runAsGroup: 1000,
  // Without it SPIRE 1.10 and later, which is not root, cannot open its volume.
  fsGroup: 1000,
  seccompProfile: { type: "RuntimeDefault" },
} as const;

/** The same for a container. */
export const restricted = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  readOnlyRootFilesystem: true,
} as const;

/** Probes on SPIRE's health listener. Liveness has more slack than readiness: a database that is away must not restart the server. */
export function probes(port: number, host?: string): object {
  const get = (path: string) => ({ httpGet: { path, port, ...(host ? { host } : {}) } });
  return {
    startupProbe: { ...get("/live"), periodSeconds: 2, failureThreshold: 60 },
    livenessProbe: { ...get("/live"), periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 10 },
    readinessProbe: { ...get("/ready"), periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 },
  };
}

/** No limit on the CPU, which would throttle handshakes. The disk is for logs, of which the kubelet keeps up to 50 MiB a container. */
export function resources(cpu: string, memory: string, memoryLimit: string) {
  return {
    requests: { cpu, memory, "ephemeral-storage": "64Mi" },
    limits: { memory: memoryLimit, "ephemeral-storage": "256Mi" },
  };
}
