import { Writable } from "node:stream";
import type { KubeConfig, V1Status } from "@kubernetes/client-node";

/** As much of a WebSocket as is used: the client names a type that comes without its package. */
interface Socket {
  on(event: "close", listener: () => void): void;
  close(): void;
}

/** Where a command runs. */
export interface Place {
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
    new Exec(kubeconfig)
      .exec(namespace, pod, container, [...command], stdout, null, null, false, resolve)
      .then((socket: Socket) => {
        socket.on("close", () => reject(new Error("the connection was closed")));
        signal.addEventListener("abort", () => socket.close());
      }, reject);
  });
  if (status.status !== "Success") throw new Error(status.message ?? "the command failed");
  return output;
}
