import { ciliumAuthPolicyObjects, denyAllObjects, type CiliumAuthPolicyArgs, type DenyAllArgs } from "./access/cilium";
import { accessOf, type Access } from "./access/graph";
import { ciliumAuthObjects } from "./cilium/objects";
import { ciliumValues, releaseNamespaceOf, type CiliumAuthArgs, type CiliumValues } from "./cilium/values";
import type { Intent, Phase, StackConfig } from "./config/schema";
import { groupBy } from "./groupBy";
import type { PlannedObject } from "./kubernetes";
import { phaseChange, type PhaseChange } from "./rollout/phases";
import type { Previous, RolloutState } from "./rollout/state";
import { spireObjects } from "./spire/objects";
import type { types } from "./types";
import { serverAddress, spire, type SpireArgs } from "./spire/settings";

interface Component<Kind extends keyof typeof types, Args> {
  readonly kind: Kind;
  readonly name: string;
  /** What the component is made from: passed to the engine too, where policies can read it. */
  readonly args: Args;
  /** What it makes. */
  readonly objects: readonly PlannedObject[];
  /** Names of the components that come before it, all of them. */
  readonly after: readonly string[];
}

export type PlannedComponent =
  | Component<"Spire", SpireArgs>
  | Component<"CiliumAuth", CiliumAuthArgs>
  | Component<"CiliumAuthPolicy", CiliumAuthPolicyArgs>
  | Component<"DenyAll", DenyAllArgs>;

/** Everything one update does, as data. */
export interface Plan {
  /** In an order in which each comes after what it needs. */
  readonly components: readonly PlannedComponent[];
  readonly phases: readonly PhaseChange[];
  readonly access: readonly Access[];
  /** Stack outputs. */
  readonly outputs: {
    /** The next update's previous state. Recorded only once every component in `recordedAfter` is done. */
    readonly rollout: RolloutState;
    /** The values for Cilium's chart, where this program does not deliver them. */
    readonly ciliumValues?: CiliumValues;
  };
  /** The values for Cilium's chart, whoever delivers them. */
  readonly ciliumValues: CiliumValues;
  readonly recordedAfter: readonly string[];
}

/**
 * Decides one update.
 *
 * The order follows the flag alone. On: SPIRE, then Cilium's authentication, then the policies that demand it. Off: the policies stop demanding it, then
 * Cilium stops, and SPIRE stays as it is, last, so that nothing broken in it can hold up the way off. On both ways a namespace's default deny comes
 * after its allow rules. Nothing on either way is deleted or replaced: the same objects, with other contents.
 *
 * @param previous what is known before the update; `{}` on the first run
 */
export function plan(config: StackConfig, previous: Previous): Plan {
  const phases = Object.entries(config.rollout.phases).map(([namespace, phase]) =>
    phaseChange(namespace, phase, previous.state?.phases[namespace], config.auth, previous.cilium ?? "off"),
  );
  const intents = groupBy(config.access, ({ target }) => target.namespace);
  const policies = phases.flatMap(({ namespace, to }) => accessComponents(namespace, to, intents.get(namespace) ?? []));
  const policyNames = policies.filter(({ kind }) => kind === "CiliumAuthPolicy").map(({ name }) => name);
  const components = config.auth
    ? [spireComponent(config, []), ciliumComponent(config, ["spire"]), ...policies.map(after("spire", "cilium-auth"))]
    : [...policies, ciliumComponent(config, policyNames), spireComponent(config, [...policyNames, "cilium-auth"])];

  const values = ciliumValues(ciliumArgs(config));
  const rollout: RolloutState = {
    auth: config.auth,
    trustDomain: config.trustDomain,
    phases: Object.fromEntries(phases.map(({ namespace, to }) => [namespace, to])),
  };
  return {
    components,
    phases,
    access: accessOf(config.access, rollout.phases),
    outputs: { rollout, ...(config.cluster.cilium.delivery === "none" ? { ciliumValues: values } : {}) },
    ciliumValues: values,
    // On the way off SPIRE does not count: off is recorded when traffic no longer needs it.
    recordedAfter: components.map(({ name }) => name).filter((name) => config.auth || name !== "spire"),
  };
}

function spireComponent(config: StackConfig, after: readonly string[]): PlannedComponent {
  const args = spireArgs(config);
  return { kind: "Spire", name: "spire", args, objects: spireObjects("spire", args), after };
}

function ciliumComponent(config: StackConfig, after: readonly string[]): PlannedComponent {
  const args = ciliumArgs(config);
  return { kind: "CiliumAuth", name: "cilium-auth", args, objects: ciliumAuthObjects("cilium-auth", args), after };
}

/** The allow rules of one namespace and, from `allow` on, the default deny that needs them. */
function accessComponents(namespace: string, phase: Phase, intents: readonly Intent[]): PlannedComponent[] {
  if (phase === "off") return [];
  const name = `access-${namespace}`;
  const args = { namespace, phase, intents };
  const objects = ciliumAuthPolicyObjects(name, args);
  const allow: PlannedComponent = { kind: "CiliumAuthPolicy", name, args, objects, after: [] };
  if (phase === "observe") return [allow];

  const denyName = `deny-all-${namespace}`;
  const denyArgs = { namespace };
  return [
    allow,
    { kind: "DenyAll", name: denyName, args: denyArgs, objects: denyAllObjects(denyName, denyArgs), after: [name] },
  ];
}

function spireArgs({ trustDomain, cluster, spire }: StackConfig): SpireArgs {
  const { version, replicas, skipKubeletVerification, storage, ttl } = spire;
  return {
    trustDomain,
    clusterName: cluster.name,
    ciliumNamespace: cluster.cilium.namespace,
    version,
    replicas,
    skipKubeletVerification,
    storage,
    ttl,
  };
}

function ciliumArgs({ auth, trustDomain, cluster: { cilium } }: StackConfig): CiliumAuthArgs {
  return {
    enabled: auth,
    delivery: cilium.delivery,
    releaseNamespace: releaseNamespaceOf(cilium),
    spire: {
      serverAddress,
      trustDomain,
      adminSocketPath: spire.sockets.admin,
      agentSocketPath: spire.sockets.workload,
    },
  };
}

const after =
  (...names: string[]) =>
  (planned: PlannedComponent): PlannedComponent => ({ ...planned, after: [...names, ...planned.after] });
