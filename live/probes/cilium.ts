import { authenticationFlags } from "../../core/schema/ciliumNames";
import type { StackConfig } from "../../core/schema/schema";
import { absent, endedBy, kubeconfigAt, reasonOf } from "../client";
import { foreignManagers, type Managed } from "../fieldManagers";
import type { CiliumState } from "../../core/rollout/state";
import { unfinished, type Workload } from "../../core/rollout/workloads";

/** What a look at the cluster showed. */
export type Look =
  | {
      readonly reachable: true;
      /** UID of kube-system. */
      readonly identity: string;
      /** `off` where another mesh authenticates. */
      readonly cilium: CiliumState;
      /** On how many nodes it is to run. */
      readonly nodes?: number;
      /** What keeps Cilium from being `on`. */
      readonly waitsFor?: string;
      /** What of Cilium does not run as it is wanted yet, whether that is on or off. */
      readonly rolls?: string;
      /** Whether Cilium's configuration turns its ztunnel on. */
      readonly ztunnel?: true;
      /** Who else has written what decides over Cilium's authentication. */
      readonly foreign?: readonly string[];
    }
  | { readonly reachable: false; readonly because: string };

/** A workload of Cilium's, and the volumes of its pods. */
type CiliumWorkload = Workload & {
  readonly spec?: {
    readonly template: { readonly spec?: { readonly volumes?: readonly { readonly name: string }[] } };
  };
};

/** Cilium as it runs. */
export interface LiveCilium {
  /** Data of the ConfigMap cilium-config. */
  readonly config: Readonly<Record<string, string>>;
  /** The DaemonSet cilium and the Deployment cilium-operator. */
  readonly agent: CiliumWorkload;
  readonly operator: CiliumWorkload;
}

/**
 * How far Cilium is, by its configuration and by what its pods run. The chart mounts SPIRE's sockets only with authentication on
 * (templates/cilium-agent/daemonset.yaml), so a workload that has the volume and has rolled runs with it on.
 */
export function ciliumStateOf({ config, agent, operator }: LiveCilium): { cilium: CiliumState; waitsFor?: string } {
  const flag = authenticationFlags.find((key) => config[key] !== "true");
  if (flag)
    return { cilium: "off", waitsFor: `${flag} in the ConfigMap cilium-config is ${config[flag] ?? "missing"}` };
  const unmounted = [agent, operator].findIndex(({ spec }) => !mountsSockets(spec));
  const waitsFor =
    unmounted < 0
      ? rollOf({ agent, operator })
      : `${["DaemonSet cilium", "Deployment cilium-operator"][unmounted]} does not mount SPIRE's sockets yet`;
  return waitsFor === undefined ? { cilium: "on" } : { cilium: "rolling", waitsFor };
}

const mountsSockets = (spec: CiliumWorkload["spec"]) =>
  spec?.template.spec?.volumes?.some(({ name }) => name === "spire-agent-socket") ?? false;

/** @returns undefined once every pod of Cilium runs what its workload says, whatever its update strategy keeps back */
export const rollOf = ({ agent, operator }: Pick<LiveCilium, "agent" | "operator">): string | undefined =>
  unfinished("DaemonSet", "cilium", agent, 0) ?? unfinished("Deployment", "cilium-operator", operator, 0);

/**
 * Reads which cluster this is and how far its Cilium is, within the given time. Never throws: a cluster that does not answer is an answer.
 *
 * @param milliseconds limit for everything, a kubeconfig's credential helper included
 */
export async function lookAt(cluster: StackConfig["cluster"], milliseconds = 10_000): Promise<Look> {
  const signal = AbortSignal.timeout(milliseconds);
  const expired = new Promise<Look>((resolve) =>
    signal.addEventListener("abort", () => resolve({ reachable: false, because: "no answer in time" })),
  );
  return Promise.race([
    expired,
    read(cluster, signal).catch((error: unknown): Look => ({ reachable: false, because: reasonOf(error) })),
  ]);
}

async function read({ context, cilium }: StackConfig["cluster"], signal: AbortSignal): Promise<Look> {
  const kubeconfig = await kubeconfigAt(context);
  if (!kubeconfig) return { reachable: false, because: `no kubeconfig context ${context}` };
  const { CoreV1Api, AppsV1Api } = await import("@kubernetes/client-node");
  const core = kubeconfig.makeApiClient(CoreV1Api);
  const apps = kubeconfig.makeApiClient(AppsV1Api);

  const options = await endedBy(signal);
  if (!cilium) {
    const { metadata } = await core.readNamespace({ name: "kube-system" }, options);
    return { reachable: true, identity: metadata?.uid ?? "", cilium: "off" };
  }
  const of = (name: string) => ({ name, namespace: cilium.namespace });
  const [system, config, agent, operator] = await Promise.all([
    core.readNamespace({ name: "kube-system" }, options),
    absent(core.readNamespacedConfigMap(of("cilium-config"), options)),
    absent(apps.readNamespacedDaemonSet(of("cilium"), options)),
    absent(apps.readNamespacedDeployment(of("cilium-operator"), options)),
  ]);
  const identity = system.metadata?.uid ?? "";
  if (!config || !agent || !operator) {
    const missing = `Cilium is not in the namespace ${cilium.namespace}`;
    return { reachable: true, identity, cilium: "off", waitsFor: missing, rolls: missing };
  }
  const live = { config: config.data ?? {}, agent: agent as CiliumWorkload, operator: operator as CiliumWorkload };
  const rolls = rollOf(live);
  const workloads = { "DaemonSet cilium": agent as Managed, "Deployment cilium-operator": operator as Managed };
  const foreign = foreignManagers(config, workloads);
  const nodes = live.agent.status?.desiredNumberScheduled;
  return {
    reachable: true,
    identity,
    ...ciliumStateOf(live),
    ...(nodes === undefined ? {} : { nodes }),
    ...(rolls === undefined ? {} : { rolls }),
    ...(live.config["enable-ztunnel"] === "true" ? { ztunnel: true } : {}),
    ...(foreign.length === 0 ? {} : { foreign }),
  };
}
