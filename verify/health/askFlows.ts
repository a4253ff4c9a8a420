import type { KubeConfig } from "@kubernetes/client-node";
import type { Phase, StackConfig } from "../../core/schema/schema";
import { HubbleError, readFlows, serversAt, type Server } from "../hubble";
import { forwardToRelay } from "../relay";
import type { Asked } from "./answers";
import type { Facts, SeenFlows } from "./facts";
import { FlowTally } from "./flowLines";

/** How long Hubble may take to tell what it remembers, in milliseconds. */
const patience = 15_000;

/** Reads what Hubble remembers of the calls to the stack's namespaces: from its relay, through a port forward, or from the servers that are named. Never throws. */
export async function askFlows({
  config,
  kubeconfig,
  namespace,
  servers,
  phases,
  window,
}: {
  readonly config: StackConfig;
  readonly kubeconfig: KubeConfig;
  readonly namespace: string;
  readonly servers: readonly string[] | undefined;
  readonly phases: Readonly<Record<string, Phase>>;
  readonly window: number;
}): Promise<Facts["flows"]> {
  const because = (error: unknown) => ({ because: error instanceof Error ? error.message : "unknown error" });
  try {
    const forward = servers ? undefined : await forwardToRelay(kubeconfig, namespace);
    try {
      const all = forward ? [forward.server] : serversAt(servers ?? []);
      const seen = Object.keys(phases).map(async (of): Promise<[string, Asked<SeenFlows>]> => {
        const answer = readAll(all, of, Date.now() - window, config, phases);
        return [
          of,
          await answer.catch((error: unknown) => {
            const why = forward?.because();
            return { because: `${because(error).because}${why === undefined ? "" : ` (${why})`}` };
          }),
        ];
      });
      return { known: Object.fromEntries(await Promise.all(seen)) };
    } finally {
      forward?.close();
    }
  } catch (error) {
    return because(error);
  }
}

async function readAll(
  servers: readonly Server[],
  namespace: string,
  since: number,
  { access }: StackConfig,
  phases: Readonly<Record<string, Phase>>,
): Promise<Asked<SeenFlows>> {
  const tally = new FlowTally(namespace);
  const silent = new Set<string>();
  let lost = 0;
  const listener = {
    flow: (flow: Parameters<FlowTally["add"]>[0]) => tally.add(flow),
    lost: (events: number) => void (lost += events),
    node: (name: string, state: "heard" | "silent" | "gone") =>
      void (name !== "" && state === "silent" ? silent.add(name) : silent.delete(name)),
    up: () => undefined,
    down: () => undefined,
  };
  const signal = AbortSignal.timeout(patience);
  const request = { namespace, follow: false, since: Math.max(0, since) };
  await Promise.all(servers.map((server) => readFlows(server, request, listener, signal)));
  if (signal.aborted) throw new HubbleError("Hubble has not told in time what it remembers");
  return { known: { lines: tally.lines(access, phases), silent: [...silent].sort(), lost } };
}
