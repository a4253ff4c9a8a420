import { createServer } from "node:http";
import { createRequire } from "node:module";
import { connect, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { KubeConfig } from "@kubernetes/client-node";
import { expect, test } from "vitest";
import { readFlows, type Listener, type Server } from "../../verify/hubble";
import { forwardToRelay } from "../../verify/relay";
import { withHubble } from "./fakeHubble";
import { flow } from "./flows";

/** As much of the package ws as is used, which comes with the client and without its types. */
interface WebSocket {
  send(data: Buffer): void;
  close(): void;
  on(event: "message", listener: (data: Buffer) => void): void;
  on(event: "close", listener: () => void): void;
}
const { WebSocketServer } = createRequire(require.resolve("@kubernetes/client-node"))("ws") as {
  WebSocketServer: new (options: object) => {
    handleUpgrade(request: object, socket: Duplex, head: Buffer, use: (socket: WebSocket) => void): void;
  };
};

const relay = (name: string, ready: "True" | "False") => ({
  metadata: { name },
  status: { conditions: [{ type: "Ready", status: ready }] },
});

/** An API server with pods of Hubble's relay, which forwards the ports of each to a socket, as a kubelet does (pkg/kubelet/cri/streaming/portforward/websocket.go). */
async function withRelay(
  pods: object[],
  path: string | undefined,
  use: (kubeconfig: KubeConfig, asked: string[]) => Promise<void>,
) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ items: pods }));
  });
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "v4.channel.k8s.io" });
  const opened: Socket[] = [];
  server.on("upgrade", (request, socket, head) => {
    asked.push(request.url ?? "");
    if (path === undefined) {
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (web) => {
      const hubble = connect(path);
      opened.push(hubble);
      // Each channel, of data and of errors, begins with the port.
      for (const channel of [0, 1]) web.send(Buffer.from([channel, 4245 & 0xff, 4245 >> 8]));
      hubble.on("data", (data) => web.send(Buffer.concat([Buffer.from([0]), data])));
      hubble.on("close", () => web.close());
      web.on("message", (data) => hubble.write(data.subarray(1)));
      web.on("close", () => hubble.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const kubeconfig = new KubeConfig();
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  kubeconfig.loadFromClusterAndUser({ name: "fake", server: address, skipTLSVerify: true }, { name: "nobody" });
  try {
    await use(kubeconfig, asked);
  } finally {
    for (const socket of opened) socket.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Reads until `count` flows have come, and tells which. */
async function flowsOf(server: Server, count: number): Promise<string[]> {
  const uuids: string[] = [];
  const ended = new AbortController();
  const nothing = () => undefined;
  const listener: Listener = {
    flow: ({ uuid }) => {
      uuids.push(uuid);
      if (uuids.length === count) ended.abort();
    },
    lost: nothing,
    node: nothing,
    up: nothing,
    down: nothing,
  };
  await readFlows(server, { namespace: "orders", follow: true, since: 0 }, listener, ended.signal, () =>
    Promise.resolve(),
  );
  return uuids;
}

test("a relay that is ready is reached through the API server, again where the connection is lost", () =>
  withHubble(
    (stream, index) => {
      stream.send(flow({ uuid: `flow-${index}` }));
      if (index === 0) stream.end();
    },
    ({ server: socket }) =>
      withRelay(
        [relay("relay-old", "False"), relay("relay-new", "True")],
        socket.replace("unix://", ""),
        async (kubeconfig, asked) => {
          const { server, close } = await forwardToRelay(kubeconfig, "kube-system");
          try {
            expect(server.address).toMatch(/^127\.0\.0\.1:\d+$/);
            expect(await flowsOf(server, 2)).toEqual(["flow-0", "flow-1"]);
          } finally {
            close();
          }
          const forwarded = asked.filter((path) => path.includes("portforward"));
          expect(new Set(forwarded)).toEqual(
            new Set(["/api/v1/namespaces/kube-system/pods/relay-new/portforward?ports=4245"]),
          );
          expect(forwarded.length).toBeGreaterThan(1);
        },
      ),
  ));

test("where no relay is ready, that is said with what to do", () =>
  withRelay([relay("relay-old", "False")], undefined, async (kubeconfig) => {
    await expect(forwardToRelay(kubeconfig, "kube-system")).rejects.toThrow(
      "no pod of Hubble's relay is ready in kube-system: set hubble.relay.enabled in Cilium's chart, or name each agent with --server",
    );
  }));

test("where the API server does not forward, it is known why", () =>
  withRelay([relay("relay-new", "True")], undefined, async (kubeconfig) => {
    const { server, close, because } = await forwardToRelay(kubeconfig, "kube-system");
    try {
      await expect(flowsOf(server, 1)).rejects.toThrow(/^Hubble's relay /);
      expect(because()).toBe("Unexpected server response: 403");
    } finally {
      close();
    }
  }));
