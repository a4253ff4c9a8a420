import { agentSelector } from "../../core/schema/ciliumNames";
import { ciliumOf, type StackConfig } from "../../core/schema/schema";
import { endedBy, kubeconfigAt, reasonOf } from "../client";
import { execIn } from "../exec";
import type { Provider } from "../readiness";
import { dial, peersOf } from "../handshake";
import { countDemanding, type Answer } from "../gates/relaxed";

/** How many agents are asked at a time. */
const atOnce = 32;
/** How long the list of them may take, in milliseconds. */
const patience = 5_000;

/** Asks the agents of a cluster how many rules demand authentication on their nodes. As {@link eachAgent}. */
export const askAgents = (cluster: StackConfig["cluster"]): Promise<Answer[]> =>
  eachAgent(cluster, async (run) => {
    const output = (await run(countDemanding)).trim();
    const demanding = Number(output);
    if (output === "" || Number.isNaN(demanding)) throw new Error(`an answer that is no number: ${output}`);
    return { demanding };
  });

/** Asks the agents of a cluster whether SPIRE gives them certificates, and whether they reach each other. As {@link eachAgent}. */
export const askProviders = (cluster: StackConfig["cluster"]): Promise<Provider[]> =>
  eachAgent(cluster, async (run, own, addresses) => {
    const [answer, unanswered] = await Promise.all([
      run(["cilium-dbg", "status", "--output", "json"]),
      run(dial(peersOf(addresses, own))).then(
        (output) => output.split("\n").filter((address) => address !== ""),
        () => undefined,
      ),
    ]);
    const status = JSON.parse(answer) as Status;
    const { state = "unknown", msg = "" } = status["auth-certificate-provider"] ?? {};
    return { state, message: msg, unanswered };
  });

interface Status {
  readonly "auth-certificate-provider"?: { readonly state?: string; readonly msg?: string };
}

/**
 * Asks the agents of a cluster, each in its own pod. Reads pods and runs a command in them (`pods/exec`) in Cilium's namespace.
 *
 * @param ask runs commands in the agent's container, each within five seconds or as many as it says; is told its node's address, and those of all
 * @returns an answer for each agent, or why there is none; nothing where Cilium does not run
 * @throws where the agents cannot be listed
 */
export async function eachAgent<T>(
  cluster: StackConfig["cluster"],
  ask: (
    run: (command: readonly string[], seconds?: number) => Promise<string>,
    own: string,
    addresses: readonly string[],
  ) => Promise<T>,
): Promise<({ readonly node: string } & (T | { readonly because: string }))[]> {
  const { context } = cluster;
  const { namespace } = ciliumOf(cluster);
  const kubeconfig = await kubeconfigAt(context);
  if (!kubeconfig) throw new Error(`no kubeconfig context ${context}`);
  const { CoreV1Api } = await import("@kubernetes/client-node");
  // An API server that says nothing must not hold up the way off either.
  const options = await endedBy(AbortSignal.timeout(patience));
  const { items } = await kubeconfig
    .makeApiClient(CoreV1Api)
    .listNamespacedPod({ namespace, labelSelector: agentSelector }, options)
    .catch((error: unknown) => {
      throw new Error(reasonOf(error));
    });
  const agents = items.map(({ metadata, spec, status }) => ({
    pod: metadata?.name ?? "",
    node: spec?.nodeName ?? "no node",
    address: status?.hostIP ?? "",
  }));
  const addresses = agents.flatMap(({ address }) => (address === "" ? [] : [address]));
  const answers: ({ readonly node: string } & (T | { readonly because: string }))[] = [];
  const askNext = async (): Promise<void> => {
    for (let agent = agents.pop(); agent; agent = agents.pop()) {
      const { node, pod, address } = agent;
      const place = { namespace, pod, container: "cilium-agent" };
      const answer = ask((command, seconds) => execIn(kubeconfig, place, command, seconds), address, addresses);
      const known = await answer.catch((error: unknown) => ({ because: reasonOf(error) }));
      answers.push({ node, ...known });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, agents.length) }, askNext));
  return answers;
}
