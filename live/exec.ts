import { Writable } from "node:stream";
import type { KubeConfig, V1Status } from "@kubernetes/client-node";

/** As much of a WebSocket as is used: the client names a type that comes without its package. */
export interface Socket {
  on(event: "close", listener: () => void): void;
  terminate(): void;
}

/** Where a command runs. */
interface Place {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/**
 * Runs a command in a container, as `kubectl exec` does.
 *
 * @param seconds how long it may take
 * @returns what it wrote on standard output
 * @throws where it fails, or does not end in time
 */
export async function execIn(
  kubeconfig: KubeConfig,
  { namespace, pod, container }: Place,
  command: readonly string[],
  seconds = 5,
): Promise<string> {
  const { Exec } = await import("@kubernetes/client-node");
  const signal = AbortSignal.timeout(seconds * 1000);
  let output = "";
  const stdout = new Writable({
    write(chunk: Buffer, _, done) {
      output += chunk.toString();
      done();
    },
  });
  const status = await new Promise<V1Status>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("no answer in time")));
    new Exec(hurried(kubeconfig, seconds))
      .exec(namespace, pod, container, [...command], stdout, null, null, false, resolve)
      .then((socket: Socket) => {
        socket.on("close", () => reject(new Error("the connection was closed")));
        signal.addEventListener("abort", () => socket.terminate());
        if (signal.aborted) socket.terminate();
      }, reject);
  });
  if (status.status !== "Success") throw new Error(status.message ?? "the command failed");
  return output;
}

/**
 * The same, with a limit to how long a connection may take to come about: a kubelet that says nothing leaves it open for ever, and a program with an open
 * connection does not end. `handshakeTimeout` is an option of ws, to which the client passes what this method adds to.
 */
export function hurried(kubeconfig: KubeConfig, seconds: number): KubeConfig {
  const applyToHTTPSOptions: KubeConfig["applyToHTTPSOptions"] = async (options) => {
    await kubeconfig.applyToHTTPSOptions(options);
    Object.assign(options, { handshakeTimeout: seconds * 1000 });
  };
  return Object.assign(Object.create(kubeconfig) as KubeConfig, { applyToHTTPSOptions });
}
