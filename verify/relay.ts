import { createServer, type AddressInfo, type Socket } from "node:net";
import type { KubeConfig } from "@kubernetes/client-node";
import { endedBy, reasonOf } from "../live/client";
import { hurried, type Socket as WebSocket } from "../live/exec";
import { HubbleError, type Server } from "./hubble";

/** The port that a pod of Hubble's relay listens on, without TLS unless hubble.relay.tls.server.enabled (Cilium's chart: hubble.relay.listenPort). */
const port = 4245;
/** In milliseconds, for the list of pods, and in seconds for a connection. */
const patience = 5_000;

/**
 * Forwards a port of this machine's loopback to Hubble's relay, through the API server, as `kubectl port-forward` does. Reads pods and uses `pods/portforward` in
 * Cilium's namespace. Each connection goes to a pod that is ready then.
 *
 * @returns the server to dial, what ends it, and why the last connection failed
 * @throws HubbleError where there is no relay
 */
export async function forwardToRelay(
  kubeconfig: KubeConfig,
  namespace: string,
): Promise<{ server: Server; close: () => void; because: () => string | undefined }> {
  await relayPod(kubeconfig, namespace);
  let because: string | undefined;
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // What goes wrong ends the connection, which is made anew.
    socket.on("error", () => socket.destroy());
    forward(kubeconfig, namespace, socket).catch((error: unknown) => {
      because = reasonOf(error);
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    server: { name: "Hubble's relay", address: `127.0.0.1:${(listener.address() as AddressInfo).port}` },
    because: () => because,
    close: () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}

async function forward(kubeconfig: KubeConfig, namespace: string, socket: Socket): Promise<void> {
  const pod = await relayPod(kubeconfig, namespace);
  const { PortForward } = await import("@kubernetes/client-node");
  const web = (await new PortForward(hurried(kubeconfig, patience / 1000)).portForward(
    namespace,
    pod,
    [port],
    socket,
    null,
    socket,
  )) as unknown as WebSocket;
  web.on("close", () => socket.destroy());
  socket.on("close", () => web.terminate());
  if (socket.destroyed) web.terminate();
}

async function relayPod(kubeconfig: KubeConfig, namespace: string): Promise<string> {
  const { CoreV1Api } = await import("@kubernetes/client-node");
  const options = await endedBy(AbortSignal.timeout(patience));
  const { items } = await kubeconfig
    .makeApiClient(CoreV1Api)
    .listNamespacedPod({ namespace, labelSelector: "k8s-app=hubble-relay" }, options)
    .catch((error: unknown) => {
      throw new HubbleError(`Hubble's relay cannot be looked for: ${reasonOf(error)}`);
    });
  const ready = items.find(({ status }) =>
    status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True"),
  );
  if (!ready?.metadata?.name)
    throw new HubbleError(
      `no pod of Hubble's relay is ready in ${namespace}: set hubble.relay.enabled in Cilium's chart, or name each agent with --server`,
    );
  return ready.metadata.name;
}
