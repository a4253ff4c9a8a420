import { mayTurnOff } from "../core/rollout/phases";
import { type Known } from "./known";
import { ciliumArgs } from "../plan/args";
import { ciliumValues, ownRelease } from "../components/cilium/values";
import { few } from "../core/util/few";
import { nullConflicts } from "../config/conflicts/nulls";
import { formatPath } from "../core/util/path";
import { type StackConfig, isClosed } from "../core/schema/schema";
import { csiDriver } from "../components/spire/addons/csi";
import { sayOnce, type Said } from "../core/util/sayOnce";
import type { NamespaceState, Previous, RolloutState } from "../core/rollout/state";
import type { OthersDriver } from "../live/probes/csiDriver";
import type { MeshLook } from "../live/probes/mesh";
import { ofAdoption } from "./adoption";
import type { Flux } from "../live/probes/flux";
import type { LiveRelease } from "../live/probes/release";
import type { Running } from "../live/probes/pods";
import { ofFlux } from "./fluxFaults";
import type { Look } from "../live/probes/cilium";
import { jumps } from "../core/rollout/promotions";
import type { Readiness } from "../live/readiness";

/**
 * Joins what the last update recorded with what a look at the cluster shows.
 *
 * A `require` needs an answer, for a rule that demands authentication from a Cilium that does not authenticate drops every new connection. A preview
 * without access goes by the record and says so. Nor does a namespace get to `require` while some pod could not authenticate, or skip a phase unless it is known
 * that no pods run in it. The way off needs no answer, and is stopped by one only: that this is another cluster.
 *
 * @param pods of the namespaces that are to skip phases
 * @param untold what nobody is alerted of, or why nobody knows
 * @param bundles of the trust domains that other stacks deploy
 * @param mesh the namespaces and pods of a mesh
 * @param othersDriver who else has the CSI driver that this stack is to bring
 * @param flux what of Flux decides over what this stack delivers by it
 * @param release Cilium's, where this stack is to deliver it and has not yet
 */
export function decideKnown(
  config: StackConfig,
  state: RolloutState | undefined,
  look: Look,
  preview: boolean,
  {
    readiness = { lacks: [], unknown: [] },
    pods = {},
    untold = [],
    bundles = {},
    othersDriver,
    mesh,
    flux,
    release,
  }: {
    readiness?: Readiness;
    pods?: Readonly<Record<string, Running>>;
    untold?: readonly string[] | { readonly because: string };
    bundles?: Readonly<Record<string, string>>;
    othersDriver?: OthersDriver | undefined;
    mesh?: MeshLook | undefined;
    flux?: Flux | undefined;
    release?: LiveRelease | undefined;
  } = {},
): Known {
  const record: Previous = {
    ...(state ? { state } : {}),
    ...(Object.keys(bundles).length > 0 ? { bundles } : {}),
  };
  const { context, identity } = config.cluster;

  if (!look.reachable) {
    const what = `The cluster ${context} cannot be read (${look.because})`;
    if (preview) {
      const notes = [`${what}; this preview goes by what the last update recorded`];
      return { previous: { ...record, cilium: state?.auth ? "on" : "off" }, errors: [], notes };
    }
    const waiting = Object.entries(config.rollout.phases).filter(
      ([, phase]) => config.auth && !config.mesh && phase === "require",
    );
    const skipping = mayTurnOff(config, state) ? [] : jumps(config, state);
    if (waiting.length + skipping.length === 0) return { previous: record, errors: [], notes: [what] };
    const namespaces = [...new Set([...waiting.map(([namespace]) => namespace), ...skipping])];
    const error =
      `${what}, so nobody knows whether Cilium authenticates or whether pods run, and ${few(namespaces)} may not go on without. ` +
      `Give this kubeconfig read access to ${readable(config)}, or write allow.`;
    return { previous: record, errors: [error], notes: [] };
  }

  if (look.identity !== identity) {
    const error =
      `The context ${context} leads to the cluster ${look.identity}, but this stack belongs to ${identity}. If the context is right: ` +
      `pulumi config set --path zero-trust:cluster.identity ${look.identity}`;
    return { previous: record, errors: [error], notes: [] };
  }
  const { known, errors } = countsOf(pods);
  const asked = preview || mayTurnOff(config, state) ? { errors: [], notes: errors } : { errors, notes: [] };
  const running = Object.keys(known).length > 0 ? { pods: known } : {};
  const driver = ofOthersDriver(othersDriver, mayTurnOff(config, state));
  const nulls = ofNulls(config, mayTurnOff(config, state));
  const inMesh = ofMesh(config, state, look, mesh);
  const marks = Object.keys(inMesh.namespaces).length > 0 ? { namespaces: inMesh.namespaces } : {};
  if (!config.cluster.cilium)
    return {
      previous: { ...record, ...running, ...marks },
      errors: [...asked.errors, ...inMesh.errors, ...driver.errors, ...nulls.errors],
      notes: [...asked.notes, ...inMesh.notes, ...driver.notes, ...nulls.notes],
    };

  // After an off Cilium may still run with what was delivered before, and be about to roll: only what follows a finished on counts as on.
  const recent = look.cilium === "on" && !state?.auth;
  const unready = readiness.lacks.length > 0 ? readiness.lacks.join("; ") : undefined;
  const waitsFor = recent ? "the last update did not turn it on" : (look.waitsFor ?? unready);
  const notes =
    waitsFor === undefined || !config.auth ? [] : [`Cilium does not authenticate everywhere yet: ${waitsFor}`];
  const unknown = readiness.unknown.map(
    (what) => `Nobody could say ${what}; where not, callers are dropped in require`,
  );
  const foreign = (look.foreign ?? []).map(
    (what) =>
      `${what}, which may stay when Cilium's values change: deliver them once more, and look at kubectl get --show-managed-fields --output yaml`,
  );
  const alerts = "because" in untold ? [`Nobody could say which alerts there are (${untold.because})`] : silent(untold);
  const cilium = look.cilium === "on" && waitsFor !== undefined ? "rolling" : look.cilium;
  const delivery = ofFlux(flux, !config.auth);
  const adoption = ofRelease(config, release, mayTurnOff(config, state));
  const nodes = look.nodes === undefined ? {} : { nodes: look.nodes };
  const previous = { ...record, cilium, ...nodes, ...running, ...marks };
  return {
    previous,
    errors: [
      ...asked.errors,
      ...inMesh.errors,
      ...driver.errors,
      ...nulls.errors,
      ...delivery.errors,
      ...adoption.errors,
    ],
    notes: [
      ...[...notes, ...unknown, ...foreign, ...alerts, ...asked.notes, ...inMesh.notes, ...driver.notes],
      ...[...nulls.notes, ...delivery.notes, ...adoption.notes],
    ],
  };
}

const silent = (untold: readonly string[]) =>
  untold.length === 0
    ? []
    : [
        `No PrometheusRule alerts of ${untold.join(", or of ")}: have somebody told before callers have to authenticate (docs/operating.md, Alerts)`,
      ];

function countsOf(pods: Readonly<Record<string, Running>>): { known: Record<string, number>; errors: string[] } {
  const known: Record<string, number> = {};
  const errors = Object.entries(pods).flatMap(([namespace, running]) => {
    if (typeof running === "number") {
      known[namespace] = running;
      return [];
    }
    const text = `Nobody could say whether pods run in ${namespace} (${running.because}), which rollout.greenfield says there are none of; let this kubeconfig list pods there`;
    return [{ namespace, text }];
  });
  return { known, errors: sayOnce(errors) };
}

/**
 * What of the mesh stands against marking a namespace, which is somebody's choice and stops what goes forward; and what only has to be said: pods outside the mesh do not
 * come in by themselves. Into Cilium's ztunnel a namespace is taken only once that runs: while Cilium rolls, pods on one node
 * would call others that are not taken in.
 */
function ofMesh(
  config: StackConfig,
  state: RolloutState | undefined,
  cilium: Extract<Look, { reachable: true }>,
  look: MeshLook = { namespaces: {}, outside: {} },
) {
  const stops = config.auth || (config.mesh?.ztunnel !== undefined && !mayTurnOff(config, state));
  const waitsFor = enrolmentWaitsFor(state, cilium);
  const waiting: string[] = [];
  const namespaces: Record<string, NamespaceState> = {};
  const errors: Said[] = [];
  const notes: Said[] = [];
  const outside: { readonly namespace: string; readonly pods: readonly string[] }[] = [];
  for (const [namespace, found] of Object.entries(look.namespaces)) {
    if (found === "ours" && config.mesh?.ztunnel && waitsFor !== undefined) {
      if (!state?.marked?.includes(namespace)) waiting.push(namespace);
    } else if (typeof found === "string") namespaces[namespace] = found;
    else if ("says" in found)
      (stops ? errors : notes).push({
        namespace,
        text:
          `The namespace ${namespace} says ${found.says}, which keeps its pods out of the mesh or takes them into another: remove that, ` +
          "or write what it says in zero-trust:mesh (docs/meshes.md)",
      });
    else
      notes.push({
        namespace,
        text: `Nobody could say whose the namespace ${namespace} is (${found.because}), so it stays as it is: let this kubeconfig get it`,
      });
  }
  for (const [namespace, pods] of Object.entries(look.outside)) {
    if ("because" in pods)
      notes.push({
        namespace,
        text: `Nobody could say which pods of ${namespace} are in the mesh (${pods.because})`,
      });
    else if (pods.length > 0) outside.push({ namespace, pods });
  }
  if (outside.length > 0) notes.push({ text: ofOutside(outside) });
  if (waiting.length > 0)
    notes.push({
      text: `${waitsFor}, so ${few(waiting.sort())} ${waiting.length === 1 ? "is" : "are"} not enrolled yet: update again then`,
    });
  return { namespaces, errors: sayOnce(errors), notes: sayOnce(notes) };
}

/** What is said of pods outside the mesh: which, and how they come in. */
function ofOutside(outside: readonly { readonly namespace: string; readonly pods: readonly string[] }[]): string {
  const count = outside.reduce((sum, { pods }) => sum + pods.length, 0);
  const [first, ...others] = outside.map(({ namespace }) => namespace);
  const names = outside.flatMap(({ namespace, pods }) =>
    others.length === 0 ? pods : pods.map((pod) => `${namespace}/${pod}`),
  );
  const where = few([first!, ...others]);
  return (
    `${count} of the pods that run in ${where} ${count === 1 ? "is" : "are"} not in the mesh, so everybody may call what they serve, and as callers ` +
    `they are denied: ${few(names)}. Restart what they are of: kubectl --namespace ${others.length === 0 ? first : "NAMESPACE"} rollout restart deployment`
  );
}

/** What namespaces wait for before ztunnel takes their pods in: policies that would deny everybody then are deleted last in an update. */
function enrolmentWaitsFor(state: RolloutState | undefined, look: Extract<Look, { reachable: true }>) {
  const closed = Object.entries(state?.phases ?? {}).flatMap(([name, phase]) => (isClosed(phase) ? [name] : []));
  if (closed.length > 0) return `The default deny of ${few(closed)} goes with this update`;
  const rolls = look.ztunnel ? look.rolls : "enable-ztunnel in the ConfigMap cilium-config is not true";
  return rolls === undefined ? undefined : `Cilium's ztunnel does not run on every node (${rolls})`;
}

/** Written with the same fields, the API server would let this stack have the object beside its owner: that they are two has to be said here. */
function ofOthersDriver(driver: OthersDriver | undefined, turnsOff: boolean): Pick<Known, "errors" | "notes"> {
  if (driver === undefined) return { errors: [], notes: [] };
  if ("because" in driver)
    return { errors: [], notes: [`Nobody could say whose the CSIDriver ${csiDriver} is (${driver.because})`] };
  const error =
    `The CSIDriver ${csiDriver} is somebody else's (${driver.writtenBy}), and a node has one driver of that name: pods would get this SPIRE's socket instead. ` +
    "Leave out zero-trust:spire.csi, or take that driver away first (docs/spire.md).";
  return turnsOff ? { errors: [], notes: [error] } : { errors: [error], notes: [] };
}

/** What a stack with authentication on is refused for when its configuration is read: with it off nothing is read that stops the way off. */
function ofNulls(config: StackConfig, turnsOff: boolean): Pick<Known, "errors" | "notes"> {
  const problems = nullConflicts(config).map(({ path, hint }) => `zero-trust:${formatPath(path)}: ${hint.allowed}`);
  return turnsOff ? { errors: [], notes: problems } : { errors: problems, notes: [] };
}

function ofRelease(config: StackConfig, release: LiveRelease | undefined, turnsOff: boolean) {
  const { cilium } = config.cluster;
  const name = ownRelease(cilium);
  if (!cilium || name === undefined) return { errors: [], notes: [] };
  const given = {
    name,
    values: ciliumValues(ciliumArgs(config)),
    chart: cilium.version,
    file: cilium.valuesFile ?? "",
  };
  return ofAdoption(release, given, turnsOff);
}

/** Whether an update might take a namespace to `require` that is not there, so that it has to be known whether pods could authenticate. */
export const entersRequire = ({ auth, mesh, rollout }: StackConfig, state: RolloutState | undefined): boolean =>
  auth &&
  !mesh &&
  state?.auth === true &&
  Object.entries(rollout.phases).some(
    ([namespace, phase]) => phase === "require" && state.phases[namespace] !== "require",
  );

const readable = ({ cluster: { cilium } }: StackConfig) =>
  cilium
    ? `the namespace kube-system and, in ${cilium.namespace}, the ConfigMap cilium-config, the DaemonSet cilium and the Deployment cilium-operator`
    : "the namespace kube-system";
