import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An answer that is a failure with a body. */
export class Refused {
  constructor(
    readonly status: number,
    readonly body: object,
  ) {}
}

/** Answers of an API server: bodies by path, 404 for every other path. A number is a status without a body. */
export type Answers = Readonly<Record<string, unknown>>;

export const uid = "00000000-0000-0000-0000-000000000000";

/** A cluster whose Cilium runs with authentication on, or off, and with ztunnel. */
export function cluster({ authenticating, ztunnel }: { authenticating: boolean; ztunnel?: boolean }): Answers {
  const template = { spec: { volumes: authenticating ? [{ name: "spire-agent-socket" }] : [] } };
  const flag = String(authenticating);
  const cilium = "namespaces/kube-system";
  return {
    "/api/v1/namespaces/kube-system": { metadata: { name: "kube-system", uid } },
    [`/api/v1/${cilium}/configmaps/cilium-config`]: {
      metadata: { name: "cilium-config" },
      data: {
        ...{ "mesh-auth-enabled": flag, "mesh-auth-mutual-enabled": flag },
        ...(ztunnel ? { "enable-ztunnel": "true" } : {}),
      },
    },
    // Nobody who could be cut off, in the namespaces of the committed stacks.
    ...Object.fromEntries(["orders", "registry"].map((namespace) => [runningIn(namespace), { items: [] }])),
    // Somebody's, who does not keep them in Git.
    ...Object.fromEntries(["orders", "registry"].map((name) => [`/api/v1/namespaces/${name}`, { metadata: { name } }])),
    // No SPIRE either, since there is no node that would need it.
    ...Object.fromEntries(
      ["spire", "spire-agents"].map((namespace) => [
        `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent("app.kubernetes.io/name=spire-agent")}`,
        { items: [] },
      ]),
    ),
    // The workloads that a stack may deploy, as their controllers leave them when all is well.
    ...Object.fromEntries(
      ["spire", "spire-agents"].flatMap((namespace) =>
        ["statefulsets/spire-server", "statefulsets/spire-postgres", "daemonsets/spire-agent"]
          .concat("daemonsets/spiffe-csi-driver", "deployments/spire-oidc")
          .map((workload) => [`/apis/apps/v1/namespaces/${namespace}/${workload}`, workloadOf(1)]),
      ),
    ),
    // Nobody who could be asked, since there is nobody to answer.
    [`/api/v1/${cilium}/pods?labelSelector=k8s-app%3Dcilium`]: { items: [] },
    [`/apis/apps/v1/${cilium}/daemonsets/cilium`]: {
      metadata: { generation: 2 },
      spec: { template },
      status: { observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3 },
    },
    [`/apis/apps/v1/${cilium}/deployments/cilium-operator`]: {
      metadata: { generation: 2 },
      spec: { replicas: 2, template },
      status: { observedGeneration: 2, updatedReplicas: 2, availableReplicas: 2 },
    },
  };
}

/** A workload of any kind with one pod, as its controller left it: the pod runs the last change, and is ready or not. */
export const workloadOf = (ready: 0 | 1) => ({
  metadata: { generation: 2 },
  spec: { replicas: 1 },
  status: {
    ...{ observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: ready, availableReplicas: ready },
    ...{ desiredNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: ready },
  },
});

/** The path of the list of a namespace's running pods. */
export const runningIn = (namespace: string) =>
  `/api/v1/namespaces/${namespace}/pods?fieldSelector=status.phase%3DRunning`;

/** What the API server says of the kinds that a stack's objects are of, as far as this program asks for objects of any kind. */
const discovery: Answers = {
  "/api/v1": { resources: [{ name: "configmaps", kind: "ConfigMap", namespaced: true }] },
  "/apis/cilium.io/v2": {
    resources: [{ name: "ciliumnetworkpolicies", kind: "CiliumNetworkPolicy", namespaced: true }],
  },
};

/** Whether a path is that of an object on which turning authentication off depends: they are all there unless a test says otherwise. */
const isOfWayOff = (path: string) =>
  /\/namespaces\/[^/]+\/(ciliumnetworkpolicies\/[^/]+|configmaps\/cilium-zero-trust-values)(\?.*)?$/.test(path);

/** Runs an API server on loopback, and points KUBECONFIG at it under the given contexts, while `use` runs. */
export async function withCluster<T>(answers: Answers, contexts: readonly string[], use: () => Promise<T>): Promise<T> {
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    const answer = answers[path] ?? discovery[path] ?? (isOfWayOff(path) ? {} : 404);
    if (answer === "silence") return;
    const { status, body } =
      answer instanceof Refused
        ? answer
        : typeof answer === "number"
          ? { status: answer, body: {} }
          : { status: 200, body: answer };
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-"));
  const before = process.env["KUBECONFIG"];
  process.env["KUBECONFIG"] = join(directory, "config");
  writeFileSync(process.env["KUBECONFIG"], kubeconfig((server.address() as AddressInfo).port, contexts));
  try {
    return await use();
  } finally {
    if (before === undefined) delete process.env["KUBECONFIG"];
    else process.env["KUBECONFIG"] = before;
    rmSync(directory, { recursive: true });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const kubeconfig = (port: number, contexts: readonly string[]) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "fake", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
    users: [{ name: "nobody", user: {} }],
    contexts: contexts.map((name) => ({ name, context: { cluster: "fake", user: "nobody" } })),
  });
