import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { ControlPlane } from "../controlPlane";
import { openContainer, type Container } from "./container";
import { isAllowed, userOf } from "./rights";

/** A pod that exists in the API, on a node, and as a control group of this machine. */
export interface RunningPod {
  readonly uid: string;
  readonly container: Container;
}

/**
 * What SPIRE's agent asks the kubelet for, `GET /pods`, with what a kubelet wants for it: a token that the API server knows, of an account that may get
 * `nodes/pods` (KEP-2862). The pods are objects in the API; their containers are control groups, named as a kubelet names them.
 */
export interface Kubelet {
  readonly port: number;
  /**
   * Runs a pod with one container, which has no process yet.
   *
   * @param manifest without a node
   */
  run(manifest: object): RunningPod;
  stop(): Promise<void>;
}

interface Pod {
  readonly metadata: { readonly uid: string };
  readonly status: object;
}

/**
 * @param certificates directory with `svid.pem` and `key.pem`, what the kubelet shows its callers
 */
export async function startKubelet(cluster: ControlPlane, node: string, certificates: string): Promise<Kubelet> {
  const pods: Pod[] = [];
  const containers: Container[] = [];

  const answer = (request: IncomingMessage): [status: number, body: object] => {
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1];
    const user = token === undefined ? undefined : userOf(cluster, token);
    if (user === undefined) return [401, {}];
    const attributes = { verb: "get", group: "", resource: "nodes", subresource: "pods", name: node };
    if (!isAllowed(cluster, user, attributes)) return [403, {}];
    if (request.url?.replace(/[/]$/, "") !== "/pods") return [404, {}];
    return [200, { apiVersion: "v1", kind: "PodList", items: pods }];
  };
  const pem = (name: string) => readFileSync(join(certificates, name));
  const server = createServer({ cert: pem("svid.pem"), key: pem("key.pem") }, (request, response) => {
    const [status, body] = answer(request);
    response.writeHead(status).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    port: (server.address() as AddressInfo).port,
    run: (manifest) => {
      const onNode = structuredClone(manifest) as { spec: { nodeName?: string; containers: { name: string }[] } };
      onNode.spec.nodeName = node;
      const pod = JSON.parse(cluster.kubectl(["create", "-f", "-", "-o", "json"], JSON.stringify(onNode))) as Pod;
      const { uid } = pod.metadata;
      const id = randomBytes(32).toString("hex");
      const container = openContainer(uid, id);
      containers.push(container);
      const [{ name } = { name: "" }] = onNode.spec.containers;
      const statuses = [{ name, containerID: `containerd://${id}`, state: { running: {} }, ready: true }];
      pods.push({ ...pod, status: { ...pod.status, phase: "Running", containerStatuses: statuses } });
      return { uid, container };
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      for (const container of containers) await container.close();
    },
  };
}
