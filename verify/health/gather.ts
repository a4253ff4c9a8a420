import { agentSelector } from "../../core/schema/ciliumNames";
import type { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import type * as z from "zod";
import type { StackConfig } from "../../core/schema/schema";
import { askAlerts } from "../../live/probes/alerts";
import { firstAnswer, listIdentities } from "../../live/probes/readiness";
import { absent, endedBy, itemsOf, reasonOf } from "../../live/client";
import { execIn } from "../../live/exec";
import type { RolloutState } from "../../core/rollout/state";
import { serverPods, spire as names } from "../../core/schema/spireNames";
import * as answers from "./answers";
import { read, readText, type Asked } from "./answers";
import { askEachAgent } from "./askAgents";
import { askFlows } from "./askFlows";
import { inForce, type Facts } from "./facts";

/** In milliseconds, for each answer of the API server: a large cluster has tens of thousands of some objects. */
const patience = 15_000;
/** For the first of all. */
const shortPatience = 8_000;
/** In seconds, for SPIRE's server to write all of its entries. */
const dump = 20;

export interface Asking {
  readonly stack: string;
  readonly config: StackConfig;
  readonly kubeconfig: KubeConfig;
  /** What the last update recorded, by whoever knows. */
  readonly askRecorded: () => Promise<Asked<RolloutState | undefined>>;
  /** Hubbles to ask instead of the relay. */
  readonly servers: readonly string[] | undefined;
  /** How far back flows are looked at, in milliseconds. */
  readonly window: number;
  /** Is told how many answers there are, and what is waited for. */
  readonly progress: (done: number, all: number, waiting: readonly string[]) => void;
}

/**
 * Asks everybody at once, and waits for nobody for long: what does not answer is told of, and hides nothing else. Changes nothing. It takes the rights of `verifyRights`
 * (live/rights.ts).
 */
export async function gather(asking: Asking): Promise<Facts> {
  const { stack, config, kubeconfig } = asking;
  const { track, request } = tracker(asking);
  const client = await import("@kubernetes/client-node");
  const core = kubeconfig.makeApiClient(client.CoreV1Api);
  const apps = kubeconfig.makeApiClient(client.AppsV1Api);
  const custom = kubeconfig.makeApiClient(client.CustomObjectsApi);
  const recording = track("what was recorded", asking.askRecorded());
  const uid = await track("the cluster", askUid(core));
  const now = Date.now();

  const none = reasonNotToAsk(config, uid);
  if (none !== undefined) return { stack, config, now, recorded: await recording, uid, ...nothing(none) };

  const { agentNamespace, install, replicas } = config.spire;
  const managed = install === "managed";
  const of = (namespace: string, name: string) => ({ namespace, name });
  const configMap = (namespace: string, name: string) =>
    request(`ConfigMap ${namespace}/${name}`, answers.configMap.optional(), (options) =>
      absent(core.readNamespacedConfigMap(of(namespace, name), options)),
    );
  const pods = async (namespace: string, labelSelector?: string) => {
    const list = await request(`pods of ${namespace}`, answers.pods, (options) =>
      core.listNamespacedPod({ namespace, ...(labelSelector === undefined ? {} : { labelSelector }) }, options),
    );
    return "known" in list
      ? { known: list.known.items.filter(({ metadata }) => metadata.deletionTimestamp === undefined) }
      : list;
  };
  const objects = async <T extends z.ZodType<{ items: unknown[] }>>(
    schema: T,
    group: string,
    version: string,
    plural: string,
  ): Promise<Asked<z.output<T>["items"]>> => {
    const list = await request(plural, schema, async (options) => ({
      items: await itemsOf(custom.listClusterCustomObject({ group, version, plural }, options)),
    }));
    return "known" in list ? { known: list.known.items } : list;
  };
  const workload = (kind: "StatefulSet" | "DaemonSet" | "Deployment", namespace: string, name: string) =>
    request(`${kind} ${name}`, answers.workload.optional(), (options) =>
      absent<unknown>(apps[`readNamespaced${kind}`](of(namespace, name), options)),
    );
  const spireServer = async <T extends z.ZodType>(what: string, schema: T, ...command: string[]) => {
    const place = (pod: string) => ({ namespace: names.namespace, pod, container: names.server });
    const run = ["/opt/spire/bin/spire-server", ...command, "-output", "json"];
    const output = await track(
      what,
      asked(firstAnswer(serverPods(replicas), (pod) => execIn(kubeconfig, place(pod), run, dump))),
    );
    return "known" in output ? readText(schema, output.known) : output;
  };
  const notOurs = Promise.resolve({ because: `SPIRE is ${install}` });
  const bundledOrManaged = install === "managed" || install === "bundled";

  const recorded = await recording;
  const force = inForce({ recorded, config });
  const spirePods = bundledOrManaged ? pods(names.namespace) : notOurs;
  const asks = {
    statefulSet: bundledOrManaged ? workload("StatefulSet", names.namespace, names.server) : notOurs,
    daemonSet: bundledOrManaged ? workload("DaemonSet", agentNamespace, names.agent) : notOurs,
    pods: spirePods,
    agentPods: bundledOrManaged && agentNamespace !== names.namespace ? pods(agentNamespace) : spirePods,
    serverFile: managed ? configMap(names.namespace, names.server) : notOurs,
    agentFile: managed ? configMap(agentNamespace, names.agent) : notOurs,
    bundle: managed ? configMap(agentNamespace, names.bundle.configMap) : notOurs,
    staticEntries: managed
      ? objects(answers.staticEntries, "spire.spiffe.io", "v1alpha1", "clusterstaticentries")
      : notOurs,
    spiffeIds: managed ? objects(answers.spiffeIds, "spire.spiffe.io", "v1alpha1", "clusterspiffeids") : notOurs,
    entries: bundledOrManaged
      ? spireServer("SPIRE's entries", answers.entries, "entry", "show").then(unwrap("entries"))
      : notOurs,
    attested: bundledOrManaged
      ? spireServer("SPIRE's agents", answers.attested, "agent", "list").then(unwrap("agents"))
      : notOurs,
  };
  const spire = settled(asks);
  // With another mesh SPIRE alone is looked at.
  const cilium = config.cluster.cilium?.namespace;
  if (cilium === undefined)
    return { stack, config, now, recorded, uid, ...nothing("another mesh authenticates"), spire: await spire };
  const ciliumAsks = {
    config: configMap(cilium, "cilium-config"),
    agent: workload("DaemonSet", cilium, "cilium"),
    operator: workload("Deployment", cilium, "cilium-operator"),
    agentPods: pods(cilium, agentSelector),
    operatorPods: pods(cilium, "io.cilium/app=operator"),
    agents: track("Cilium's agents", asked(askEachAgent(config.cluster))),
    identities: track("identities", asked(listIdentities(kubeconfig))),
    policies: objects(answers.policies, "cilium.io", "v2", "ciliumnetworkpolicies"),
    clusterwide: objects(answers.policies, "cilium.io", "v2", "ciliumclusterwidenetworkpolicies"),
  };
  const untold = track(
    "alerts",
    askAlerts(config.cluster).then((alerts): Facts["untold"] => ("because" in alerts ? alerts : { known: alerts })),
  );
  const flows = track("Hubble", askFlows({ ...asking, namespace: cilium, phases: force.phases }));
  return {
    stack,
    config,
    now,
    recorded,
    uid,
    spire: await spire,
    cilium: await settled(ciliumAsks),
    untold: await untold,
    flows: await flows,
  };
}

/** Waits for each of some answers, none of which is rejected. */
async function settled<T extends Record<string, Promise<unknown>>>(
  asks: T,
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  const entries = Object.entries(asks).map(async ([key, answer]) => [key, await answer] as const);
  return Object.fromEntries(await Promise.all(entries)) as { [K in keyof T]: Awaited<T[K]> };
}

const unwrap =
  <K extends string>(key: K) =>
  <T>(answer: Asked<Readonly<Record<K, T>>>): Asked<T> =>
    "known" in answer ? { known: answer.known[key] } : answer;

/** Why nothing else is asked; undefined where it is. */
function reasonNotToAsk({ cluster, spire }: StackConfig, uid: Asked<string>): string | undefined {
  if (!cluster.cilium && spire.install === "none") return "another mesh authenticates";
  if ("known" in uid) return uid.known === cluster.identity ? undefined : "it is another cluster";
  // Whoever may not look at the namespace may look at the rest.
  return /answered 403/.test(uid.because) ? undefined : uid.because;
}

function nothing(because: string): Pick<Facts, "spire" | "cilium" | "untold" | "flows"> {
  const not = { because };
  return {
    spire: {
      ...{ statefulSet: not, daemonSet: not, pods: not, agentPods: not, serverFile: not, agentFile: not },
      ...{ bundle: not, staticEntries: not, spiffeIds: not, entries: not, attested: not },
    },
    cilium: {
      ...{ config: not, agent: not, operator: not, agentPods: not, operatorPods: not },
      ...{ agents: not, identities: not, policies: not, clusterwide: not },
    },
    untold: not,
    flows: not,
  };
}

async function askUid(core: CoreV1Api): Promise<Asked<string>> {
  const options = await endedBy(AbortSignal.timeout(shortPatience));
  const namespace = await asked(core.readNamespace({ name: "kube-system" }, options));
  return "known" in namespace ? { known: namespace.known.metadata?.uid ?? "" } : namespace;
}

const asked = <T>(answer: Promise<T>): Promise<Asked<T>> =>
  answer.then(
    (known) => ({ known }),
    (error: unknown) => ({ because: reasonOf(error) }),
  );

/** Plain JSON, as the API server has sent it. */
const plain = (answer: unknown): unknown => (answer === undefined ? undefined : JSON.parse(JSON.stringify(answer)));

/** Keeps the account of who has answered. */
function tracker({ progress }: Pick<Asking, "progress">) {
  const waiting: string[] = [];
  let all = 0;
  let done = 0;
  const track = <T>(what: string, answer: Promise<T>): Promise<T> => {
    all++;
    waiting.push(what);
    progress(done, all, waiting);
    return answer.finally(() => {
      waiting.splice(waiting.indexOf(what), 1);
      progress(++done, all, waiting);
    });
  };
  type Options = Awaited<ReturnType<typeof endedBy>>;
  // A signal for each: one for all would have as many listeners as there are requests.
  const request = <T extends z.ZodType>(
    what: string,
    schema: T,
    ask: (options: Options) => Promise<unknown>,
  ): Promise<Asked<z.output<T>>> =>
    track(
      what,
      asked(endedBy(AbortSignal.timeout(patience)).then(ask)).then((answer) =>
        "known" in answer ? read(schema, plain(answer.known)) : answer,
      ),
    );
  return { track, request };
}
