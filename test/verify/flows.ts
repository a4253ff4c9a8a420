import type { Endpoint, Flow } from "../../verify/observer";

/** What Hubble says of a pod. */
export const pod = (
  namespace: string,
  serviceAccount: string,
  labels: Readonly<Record<string, string>> = {},
): Endpoint => ({
  namespace,
  labels: [
    ...Object.entries(labels).map(([key, value]) => `k8s:${key}=${value}`),
    "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=" + namespace,
    "k8s:io.cilium.k8s.policy.cluster=default",
    `k8s:io.cilium.k8s.policy.serviceaccount=${serviceAccount}`,
    `k8s:io.kubernetes.pod.namespace=${namespace}`,
  ],
  workloads: [],
});

/** What it says of who is none. */
export const reserved = (...names: string[]): Endpoint => ({
  namespace: "",
  labels: names.map((name) => `reserved:${name}`),
  workloads: [],
});

export const api = pod("orders", "api", { app: "api" });
export const frontend = pod("web", "frontend", { app: "frontend" });

export const tcp = (port: number, flags = { SYN: true, ACK: false }): Flow["l4"] => ({
  protocol: "TCP",
  TCP: { destination_port: port, flags },
});

let uuids = 0;
/** Cilium's verdict about the first packet of a connection from web/frontend to orders/api, unless something else is said. */
export const flow = (overrides: Partial<Flow> = {}): Flow => ({
  time: { seconds: 1_790_000_000, nanos: 0 },
  IP: { source: "10.0.1.7" },
  l4: tcp(8080),
  source: frontend,
  destination: api,
  event_type: { type: 5 },
  traffic_direction: "INGRESS",
  is_reply: { value: false },
  uuid: `uuid-${uuids++}`,
  auth_type: "DISABLED",
  trace_reason: "TRACE_REASON_UNKNOWN",
  ...overrides,
});
