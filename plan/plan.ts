import type { AccessState } from "../core/access/difference";
import { accessOf, type Access } from "../core/access/graph";
import { ztunnelNote } from "../components/access/mesh";
import { meshNotes, markedNamespaces } from "./marks";
import { formFor, formNotes } from "../components/access/cilium/policyForm";
import { waypointNotes } from "../components/access/istio/waypoint";
import { ciliumArgs } from "./args";
import { linkerdValues, signerOf } from "../components/certificates/linkerd";
import { bundledSpireNote } from "../components/cilium/bundledSpire";
import { ciliumValues, ownRelease, type CiliumValues } from "../components/cilium/values";
import type { StackConfig } from "../core/schema/schema";
import { groupBy } from "../core/util/groupBy";
import { manifestsOf } from "../core/util/kubernetes";
import { besideMesh, inOrder } from "./order";
import { accessComponents, marksComponents, type PlannedComponent } from "./planned";
import { choicesOf } from "../core/rollout/choices";
import { federatedBy, federationOf, peerNotes } from "./federation";
import { installsCilium, isFirst, phaseChanges, turnsOff, type PhaseChange } from "../core/rollout/phases";
import { earnedAfter } from "../core/rollout/promotions";
import { recordOf } from "../core/rollout/record";
import type { Previous, RolloutState } from "../core/rollout/state";
import { fingerprintOf } from "../core/rollout/workloads";
import { istioValues, type IstioValues } from "../components/spire/addons/istio";

/** Everything one update does, as data. */
export interface Plan {
  /** In an order in which each comes after what it needs. */
  readonly components: readonly PlannedComponent[];
  readonly phases: readonly PhaseChange[];
  /** What the reader of a preview should know beside the resources. */
  readonly notes: readonly string[];
  readonly access: readonly Access[];
  /** Stack outputs. */
  readonly outputs: {
    /** The next update's previous state. Recorded only once every component in `recordedAfter` is done. */
    readonly rollout: RolloutState;
    /** The values for Cilium's chart, where this program does not deliver them. */
    readonly ciliumValues?: CiliumValues;
    /** The values for Linkerd's chart, where its roots and its issuer are made here. */
    readonly linkerdValues?: typeof linkerdValues;
    /** The values for istiod's chart, where SPIRE signs for its proxies. */
    readonly istioValues?: IstioValues;
  };
  /** The values for Cilium's chart, whoever delivers them. None where another mesh authenticates. */
  readonly ciliumValues?: CiliumValues;
  readonly recordedAfter: readonly string[];
  /** Whether nodes may still demand authentication that Cilium is about to stop, so that it has to wait for them (and for no longer than it is bearable). */
  readonly waitsForNodes: boolean;
  /** Whether Cilium, which is about to authenticate, waits until this stack's SPIRE is ready wherever it runs. */
  readonly waitsForSpire: boolean;
  /** Whether what comes after Cilium waits until its pods run what its release says. Never on the way off. */
  readonly waitsForCilium: boolean;
}

/**
 * Decides one update.
 *
 * The order follows the flag alone. On: SPIRE, then Cilium's authentication, then the policies that demand it. Off: the policies stop demanding it, then
 * Cilium stops, and SPIRE stays as it is, last, so that nothing broken in it can hold up the way off. On both ways a namespace's default deny comes
 * after its allow rules. Nothing on either way is deleted or replaced: the same objects, with other contents. (One exception to the order: a release of
 * Cilium that this stack makes for the first time waits for nothing but SPIRE's address, since everything else waits for the network.) Certificates are for
 * nobody on these ways but SPIRE, whose CA they may sign: on the way on they come before it then, and on the way off nothing comes after them.
 *
 * @param previous what is known before the update; `{}` on the first run
 */
export function plan(config: StackConfig, previous: Previous): Plan {
  const phases = phaseChanges(config, previous);
  const intents = groupBy(config.access, ({ target }) => target.namespace);
  const policies = phases.flatMap(({ namespace, to }) =>
    accessComponents(config, namespace, to, intents.get(namespace) ?? [], formFor(config, previous, namespace)),
  );
  const marked = markedNamespaces(config, previous, phases);
  const components = config.cluster.cilium
    ? [...inOrder(config, previous, policies), ...marksComponents(config, marked, [])]
    : besideMesh(config, previous, policies, marked);

  const federation = config.spire.install === "managed" ? federationOf(config, previous) : undefined;
  const federated = federatedBy(federation);
  const choices = choicesOf(config);
  const linkerd = config.certificates?.linkerd;
  const { cilium } = config.cluster;
  const values = cilium && ciliumValues(ciliumArgs(config));
  const release = ownRelease(cilium);
  const rollout: RolloutState = {
    auth: config.auth,
    trustDomain: config.trustDomain,
    phases: Object.fromEntries(phases.map(({ namespace, to }) => [namespace, to])),
    earned: Object.fromEntries(
      phases.map(({ namespace, configured, to }) => [
        namespace,
        earnedAfter(namespace, configured, to, config.auth, previous.state),
      ]),
    ),
    offs: (previous.state?.offs ?? 0) + (turnsOff(config, previous) ? 1 : 0),
    ...(config.spire.install === "managed" ? { spire: config.spire.version } : {}),
    ...(choices ? { choices } : {}),
    ...(federated ? { federated } : {}),
    ...(config.mesh ? { marked } : {}),
    ...(release === undefined ? {} : { release }),
    ...(linkerd ? { anchors: { trusted: [...linkerd.anchors], signer: signerOf(linkerd) } } : {}),
    objects: recordOf(manifestsOf(components)),
    ...workloadsRecord(config, components),
  };
  return {
    components,
    phases,
    notes: [
      ...(config.spire.install === "bundled" ? [bundledSpireNote] : []),
      ...(config.cluster.cilium && !config.mesh ? formNotes(config, previous, Object.keys(config.rollout.phases)) : []),
      ...peerNotes(config, federation, previous),
      ...(config.mesh?.ztunnel ? [ztunnelNote] : []),
      ...meshNotes(config, previous, phases),
      ...waypointNotes(config, phases),
      ...(config.spire.egressPolicy && installsCilium(config, previous) ? [laterEgressNote] : []),
    ],
    access: accessOf(config.access, rollout.phases),
    outputs: {
      rollout,
      ...(values && cilium?.delivery === "none" ? { ciliumValues: values } : {}),
      ...(linkerd ? { linkerdValues } : {}),
      ...(config.mesh?.istio && config.spire.install === "managed"
        ? { istioValues: istioValues(config.trustDomain) }
        : {}),
    },
    ...(values ? { ciliumValues: values } : {}),
    waitsForNodes: !config.auth && cilium !== undefined && cilium.delivery !== "none" && previous.cilium !== "off",
    waitsForSpire:
      cilium !== undefined &&
      config.auth &&
      !previous.state?.auth &&
      config.spire.install === "managed" &&
      !installsCilium(config, previous),
    waitsForCilium: cilium?.delivery === "helm" && (config.auth || isFirst(previous)),
    // On the way off SPIRE does not count, nor who is in a mesh: off is recorded when traffic no longer needs it. Certificates never do.
    recordedAfter: components
      .filter(({ kind }) => kind !== "Certificates" && (config.auth || !["Spire", "MeshNamespaces"].includes(kind)))
      .map(({ name }) => name),
  };
}

/** What says of SPIRE's workloads that they have been ready: nothing with authentication off, which is recorded without them. */
function workloadsRecord({ auth }: StackConfig, components: readonly PlannedComponent[]) {
  const spire = components.filter(({ kind }) => kind === "Spire");
  return auth && spire.length > 0 ? { workloads: fingerprintOf(manifestsOf(spire)) } : {};
}

/** Who may call whom once an update is done. */
export const accessStateOf = (config: StackConfig, { outputs }: Plan): AccessState => ({
  auth: config.auth,
  phases: outputs.rollout.phases,
  intents: config.access,
});

const laterEgressNote =
  "spire.egressPolicy takes effect with the next update: Cilium, which this one installs, brings the kind that its policy is of";
