import { Writable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import type { KubeConfig, V1Status } from "@kubernetes/client-node";
import type { StackConfig } from "../config/schema";
import { kubeconfigAt, reasonOf } from "./client";
import { countDemanding, type Answer } from "./relaxed";

/** As much of a WebSocket as is used: the client names a type that comes without its package. */
interface Socket {
  on(event: "close", listener: () => void): void;
  close(): void;
}

/** How many agents are asked at a time. */
const atOnce = 32;
/** How long one may take, in milliseconds. */
const patience = 5_000;

/**
 * Asks the agents of a cluster, each in its own pod, how many rules demand authentication there. Reads pods and runs a command in them (`pods/exec`) in Cilium's namespace.
 *
 * @returns an answer for each agent; none where Cilium does not run
 * @throws where the agents cannot be listed
 */
export async function askAgents({ context, cilium }: StackConfig["cluster"]): Promise<Answer[]> {
  const kubeconfig = await kubeconfigAt(context);
  if (!kubeconfig) throw new Error(`no kubeconfig context ${context}`);
  const { CoreV1Api } = await import("@kubernetes/client-node");
  const list = kubeconfig
    .makeApiClient(CoreV1Api)
    .listNamespacedPod({ namespace: cilium.namespace, labelSelector: "k8s-app=cilium" })
    .catch((error: unknown) => {
      throw new Error(reasonOf(error));
    });
  // An API server that says nothing must not hold up the way off either.
  const late = setTimeout(patience, undefined, { ref: false }).then(() => {
    throw new Error("no answer in time");
  });
  late.catch(() => undefined);
  const { items } = await Promise.race([list, late]);
  const agents = items.map(({ metadata, spec }) => ({ pod: metadata?.name ?? "", node: spec?.nodeName ?? "no node" }));
  const answers: Answer[] = [];
  const askNext = async (): Promise<void> => {
    for (let agent = agents.pop(); agent; agent = agents.pop()) {
      const { node, pod } = agent;
      answers.push(
        await ask(kubeconfig, cilium.namespace, pod).then(
          (demanding) => ({ node, demanding }),
          (error: unknown) => ({ node, because: reasonOf(error) }),
        ),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, agents.length) }, askNext));
  return answers;
}

async function ask(kubeconfig: KubeConfig, namespace: string, pod: string): Promise<number> {
  const { Exec } = await import("@kubernetes/client-node");
  const signal = AbortSignal.timeout(patience);
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
      .exec(namespace, pod, "cilium-agent", [...countDemanding], stdout, null, null, false, resolve)
      .then((socket: Socket) => {
        socket.on("close", () => reject(new Error("the connection was closed")));
        signal.addEventListener("abort", () => socket.close());
      }, reject);
  });
  const demanding = Number(output.trim());
  if (status.status !== "Success" || output.trim() === "" || Number.isNaN(demanding))
    throw new Error(status.message ?? `an answer that is no number: ${output.trim()}`);
  return demanding;
}
