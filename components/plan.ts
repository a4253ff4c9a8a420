import { istioAuthPolicyObjects, type IstioAuthPolicyArgs } from "./access/istio";
import { waypointNotes } from "./access/waypointNotes";
import { linkerdAuthPolicyObjects, type LinkerdAuthPolicyArgs } from "./access/linkerd";
import { ciliumAuthPolicyObjects, denyAllObjects, type CiliumAuthPolicyArgs, type DenyAllArgs } from "./access/cilium";
import { tellable } from "./access/tellable";
import { ztunnelNote } from "./access/mesh";
import {
  marksSnippet,
  meshMarks,
  meshNamespaceObjects,
  takesRunningPods,
  type MeshNamespacesArgs,
} from "./access/meshMarks";
import { certificatesArgs, ciliumArgs, spireArgs } from "./args";
import type { AccessState } from "./access/difference";
import { accessOf, type Access } from "./access/graph";
import { linkerdValues, signerOf } from "./certificates/linkerd";
import { certificateObjects } from "./certificates/objects";
import type { CertificatesArgs } from "./certificates/settings";
import { bundledSpireNote } from "./cilium/bundledSpire";
import { ciliumAuthObjects, ciliumRelease } from "./cilium/objects";
import { ciliumValues, ownRelease, type CiliumAuthArgs, type CiliumValues } from "./cilium/values";
import type { Intent, Phase, StackConfig } from "./config/schema";
import { groupBy } from "./groupBy";
import { manifestsOf, type PlannedObject, type PlannedRelease } from "./kubernetes";
import { gitNamespaces, markedNamespaces } from "./rollout/marks";
import { installsCilium, isFirst, phaseChanges, turnsOff, type PhaseChange } from "./rollout/phases";
import { choicesOf } from "./rollout/choices";
import { federatedBy, federationOf, peerNotes } from "./rollout/peers";
import { earnedAfter } from "./rollout/promotions";
import { recordOf } from "./rollout/record";
import type { Previous, RolloutState } from "./rollout/state";
import { istioValues, type IstioValues } from "./spire/istio";
import { serviceOf, spireObjects } from "./spire/objects";
import type { types } from "./types";
import type { SpireArgs } from "./spire/settings";

interface Component<Kind extends keyof typeof types, Args> {
  readonly kind: Kind;
  readonly name: string;
  /** What the component is made from: passed to the engine too, where policies can read it. */
  readonly args: Args;
  /** What it makes. */
  readonly objects: readonly PlannedObject[];
  readonly release?: PlannedRelease;
  /** Names of the components that come before it, all of them; a resource of one of them where that is enough. */
  readonly after: readonly string[];
}

export type PlannedComponent =
  | Component<"Certificates", CertificatesArgs>
  | Component<"Spire", SpireArgs>
  | Component<"CiliumAuth", CiliumAuthArgs>
  | Component<"CiliumAuthPolicy", CiliumAuthPolicyArgs>
  | Component<"DenyAll", DenyAllArgs>
  | Component<"IstioAuthPolicy", IstioAuthPolicyArgs>
  | Component<"LinkerdAuthPolicy", LinkerdAuthPolicyArgs>
  | Component<"MeshNamespaces", MeshNamespacesArgs>;

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
    accessComponents(config, namespace, to, intents.get(namespace) ?? []),
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
  };
  return {
    components,
    phases,
    notes: [
      ...(config.spire.install === "bundled" ? [bundledSpireNote] : []),
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

/** Who may call whom once an update is done. */
export const accessStateOf = (config: StackConfig, { outputs }: Plan): AccessState => ({
  auth: config.auth,
  phases: outputs.rollout.phases,
  intents: config.access,
});

const laterEgressNote =
  "spire.egressPolicy takes effect with the next update: Cilium, which this one installs, brings the kind that its policy is of";

function inOrder(config: StackConfig, previous: Previous, policies: readonly PlannedComponent[]): PlannedComponent[] {
  const first = installsCilium(config, previous);
  if (first && !config.auth) {
    const rest = policies.map(after("cilium-auth"));
    const last = ["cilium-auth", ...namesOf(policies)];
    return [
      ciliumComponent(config, []),
      ...rest,
      ...certificatesComponent(config, last),
      ...spireComponent(config, previous, namesOf(policies)),
    ];
  }
  if (config.auth) {
    // cert-manager needs the network, as SPIRE does: where Cilium is new, SPIRE's server asks for its CA until there is somebody to sign it.
    const certificates = certificatesComponent(config, first ? ["cilium-auth"] : []);
    const asks = !first && config.spire.upstreamAuthority?.certManager !== undefined;
    const spire = spireComponent(config, previous, asks ? namesOf(certificates) : []);
    // SPIRE's server waits for the network, and the network's operator for the server's address.
    const needs = first && config.spire.install === "managed" ? [serviceOf("spire")] : namesOf(spire);
    const cilium = ciliumComponent(config, needs);
    const rest = policies.map(after(...namesOf(spire), cilium.name));
    return first ? [...spire, cilium, ...certificates, ...rest] : [...certificates, ...spire, cilium, ...rest];
  }
  const allow = namesOf(policies.filter(({ kind }) => kind === "CiliumAuthPolicy"));
  const cilium = ciliumComponent(config, allow);
  const last = [...allow, cilium.name];
  return [...policies, cilium, ...certificatesComponent(config, last), ...spireComponent(config, previous, last)];
}

/**
 * The policies of another mesh, whose pods are taken into it before anybody is denied, and after the SPIRE that is to sign for them, if any; on the way off nothing
 * comes before what relaxes.
 */
function besideMesh(
  config: StackConfig,
  previous: Previous,
  policies: readonly PlannedComponent[],
  namespaces: readonly string[],
): PlannedComponent[] {
  const { auth, spire } = config;
  // SPIRE's server may have its CA from cert-manager: on the way on that comes first, and otherwise certificates are for nobody here.
  const signs = auth && spire.upstreamAuthority?.certManager !== undefined;
  const certificates = certificatesComponent(config, signs ? [] : namesOf(policies));
  const signers = spireComponent(config, previous, auth ? (signs ? namesOf(certificates) : []) : namesOf(policies));
  const needs = namesOf(signers);
  const marks = marksComponents(config, namespaces, auth ? needs : namesOf(policies));
  if (!auth) return [...policies, ...marks, ...certificates, ...signers];
  const rest = [...signers, ...marks, ...policies.map(after(...needs, ...namesOf(marks)))];
  return signs ? [...certificates, ...rest] : [...rest, ...certificates];
}

function marksComponents(
  { mesh }: StackConfig,
  namespaces: readonly string[],
  after: readonly string[],
): PlannedComponent[] {
  if (!mesh || namespaces.length === 0) return [];
  const name = "mesh";
  const args = { namespaces, marks: meshMarks(mesh) };
  return [{ kind: "MeshNamespaces", name, args, objects: meshNamespaceObjects(name, args), after }];
}

/** What the reader has to do for namespaces that this program takes into no mesh. */
function meshNotes({ mesh }: StackConfig, previous: Previous, phases: readonly PhaseChange[]): string[] {
  if (!mesh) return [];
  const marks = meshMarks(mesh);
  const restart = takesRunningPods(mesh) ? "" : ", and restart its pods";
  const missing = phases.filter(({ namespace, to }) => to !== "off" && previous.namespaces?.[namespace] === "missing");
  return [
    ...gitNamespaces({ mesh }, previous, phases).map(
      (namespace) =>
        `Git has the namespace ${namespace}, so it is not changed here. Write there${restart}:\n${marksSnippet(namespace, marks)}`,
    ),
    ...missing.map(
      ({ namespace }) => `There is no namespace ${namespace} yet. Make it with:\n${marksSnippet(namespace, marks)}`,
    ),
  ];
}

const namesOf = (components: readonly PlannedComponent[]) => components.map(({ name }) => name);

/** cert-manager and what it issues, where the stack has any of it. */
function certificatesComponent(config: StackConfig, after: readonly string[]): PlannedComponent[] {
  const args = certificatesArgs(config);
  if (!args) return [];
  const name = "certificates";
  const { objects, release } = certificateObjects(name, args);
  return [{ kind: "Certificates", name, args, objects, after, ...(release ? { release } : {}) }];
}

/** SPIRE, where it is of this stack. */
function spireComponent(config: StackConfig, previous: Previous, after: readonly string[]): PlannedComponent[] {
  const args = spireArgs(config, previous);
  return args ? [{ kind: "Spire", name: "spire", args, objects: spireObjects("spire", args), after }] : [];
}

function ciliumComponent(config: StackConfig, after: readonly string[]): PlannedComponent {
  const args = ciliumArgs(config);
  const name = "cilium-auth";
  const release = ciliumRelease(name, args);
  const objects = ciliumAuthObjects(name, args);
  return { kind: "CiliumAuth", name, args, objects, after, ...(release ? { release } : {}) };
}

/** The allow rules of one namespace and, from `allow` on, the default deny that needs them: with Cilium a component of its own. */
function accessComponents(
  { auth, mesh, trustDomain }: StackConfig,
  namespace: string,
  phase: Phase,
  configured: readonly Intent[],
): PlannedComponent[] {
  if (phase === "off" || mesh?.ztunnel) return [];
  const intents = auth ? configured : tellable(configured, mesh);
  const name = `access-${namespace}`;
  if (mesh?.istio) {
    const { mode, waypoint } = mesh.istio;
    const gateway = mode === "ambient" && waypoint !== undefined ? { waypoint } : {};
    const args = { namespace, phase, intents, trustDomain, ...gateway };
    return [{ kind: "IstioAuthPolicy", name, args, objects: istioAuthPolicyObjects(name, args), after: [] }];
  }
  if (mesh?.linkerd) {
    const args = { namespace, phase, intents };
    return [{ kind: "LinkerdAuthPolicy", name, args, objects: linkerdAuthPolicyObjects(name, args), after: [] }];
  }
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

const after =
  (...names: string[]) =>
  (planned: PlannedComponent): PlannedComponent => ({ ...planned, after: [...names, ...planned.after] });
