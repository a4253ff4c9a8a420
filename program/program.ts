import { setTimeout } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { Certificates } from "../components/certificates/Certificates";
import { CiliumAuth } from "../components/cilium/CiliumAuth";
import { ownRelease } from "../components/cilium/values";
import { CiliumAuthPolicy } from "../components/access/cilium/CiliumAuthPolicy";
import { DenyAll } from "../components/access/cilium/DenyAll";
import { IstioAuthPolicy } from "../components/access/istio/IstioAuthPolicy";
import { LinkerdAuthPolicy } from "../components/access/linkerd/LinkerdAuthPolicy";
import { MeshNamespaces } from "../components/access/MeshNamespaces";
import { loadEngineConfig } from "../config/engine";
import { ConfigError } from "../config/load";
import type { StackConfig } from "../core/schema/schema";
import { askBundles } from "./otherStacks";
import { accessStateOf, type Plan } from "../plan/plan";
import type { PlannedComponent } from "../plan/planned";
import { describeObject } from "../core/util/kubernetes";
import { earlier, type WaitFor } from "../components/register";
import { askAgents } from "../live/probes/agents";
import { askAlerts } from "../live/probes/alerts";
import { askCsiDriver } from "../live/probes/csiDriver";
import { askMesh } from "../live/probes/mesh";
import { askFlux } from "../live/probes/flux";
import { askOwnBundle } from "../live/probes/ownBundle";
import { askPods } from "../live/probes/pods";
import { askReadiness } from "../live/probes/readiness";
import { askRelease } from "../live/probes/release";
import { askWayOff, clear, makeAgain, type WayOff } from "../live/probes/wayOff";
import { tellRegistration } from "../live/probes/registration";
import { decideKnown, entersRequire } from "./baseline";
import { mayTurnOff, turnsOff } from "../core/rollout/phases";
import type { Known } from "./known";
import { lastAccessOutput, packAccess } from "./lastAccess";
import { lookAt } from "../live/probes/cilium";
import { untilOnEveryNode } from "../live/gates/everyNode";
import { jumps } from "../core/rollout/promotions";
import { readinessOf } from "../live/readiness";
import { untilRelaxed } from "../live/gates/relaxed";
import { untilRolled } from "../live/gates/rolled";
import { Rollout } from "./Rollout";
import { readState, type Previous } from "../core/rollout/state";
import { Spire } from "../components/spire/Spire";
import { userError } from "./userError";
import { waitForSpire } from "./workloadWait";

/** The configuration of the stack that the engine runs. Throws a RunError, which the CLI shows without a stack trace. */
export function readConfig(): StackConfig {
  try {
    return loadEngineConfig(pulumi.runtime.allConfig(), pulumi.getStack());
  } catch (error) {
    throw error instanceof ConfigError ? userError(error.message) : error;
  }
}

/** What is known before this update: the stack's own last outputs, and a look at the cluster. */
export async function readKnown(config: StackConfig): Promise<Known> {
  const name = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  const self = new pulumi.StackReference("last-update", { name });
  const [rollout, bundle, access, look, peers] = await Promise.all([
    self.getOutputDetails("rollout"),
    self.getOutputDetails("bundle"),
    self.getOutputDetails(lastAccessOutput),
    lookAt(config.cluster),
    askBundles(config),
  ]);
  const state = readState(rollout.value);
  const own: unknown = bundle.value;
  const bundles = { ...peers, ...(typeof own === "string" ? { [state?.trustDomain ?? config.trustDomain]: own } : {}) };
  const isHere = look.reachable && look.identity === config.cluster.identity;
  const enters = isHere && look.cilium === "on" && entersRequire(config, state);
  const [asked, untold, pods, othersDriver, mesh, flux, release] = await Promise.all([
    enters ? askReadiness(config) : undefined,
    enters ? askAlerts(config.cluster) : [],
    isHere && !mayTurnOff(config, state) ? askPods(config.cluster, jumps(config, state)) : {},
    isHere && config.spire.csi ? askCsiDriver(config.cluster) : undefined,
    isHere && config.mesh && !turnsOff(config, { ...(state ? { state } : {}) }) ? askMesh(config) : undefined,
    isHere ? askFlux(config) : undefined,
    isHere && state?.release !== ownRelease(config.cluster.cilium) ? askRelease(config.cluster) : undefined,
  ]);
  const readiness = asked && { readiness: readinessOf(asked, Date.now() / 1000) };
  const known = decideKnown(config, state, look, pulumi.runtime.isDryRun(), {
    ...readiness,
    pods,
    untold,
    bundles,
    othersDriver,
    mesh,
    flux,
    release,
  });
  return { ...known, lastAccess: access.value };
}

/**
 * What stands in the way of an update that may turn authentication off.
 *
 * @throws RunError where the API server would refuse all of it, with the command that gets past that: also in a preview, which would end with the same from the provider
 */
export async function readWayOff(config: StackConfig, known: Known, plan: Plan): Promise<WayOff> {
  // Nothing of another cluster's is looked at.
  if (known.errors.length > 0) return clear;
  const wayOff = await askWayOff(config, plan, known.previous, pulumi.getStack());
  if (wayOff.blocked !== undefined) throw userError(wayOff.blocked);
  return wayOff;
}

/** Makes the missing objects again that turning authentication off needs, and warns where that fails: then the provider says why. Nothing in a preview. */
export async function clearWayOff(
  { cluster: { context } }: StackConfig,
  { made }: Pick<WayOff, "made">,
): Promise<void> {
  if (pulumi.runtime.isDryRun()) return;
  for (const { manifest } of made) {
    const because = await makeAgain(context, manifest);
    if (because !== undefined)
      void pulumi.log.warn(
        `${describeObject(manifest)} is missing and cannot be made again (${because}). To turn authentication off without it: npm run render -- --break-glass`,
      );
  }
}

/**
 * Registers every component in the plan's order.
 *
 * @param previous what was known before, for the policy pack
 * @param wayOff what stands in the way of turning authentication off
 * @returns the stack's outputs. `rollout` is known only after the components that it depends on, so that an update that fails leaves the old state.
 */
export function registerPlan(
  plan: Plan,
  previous: Previous,
  provider: pulumi.ProviderResource,
  config: StackConfig,
  wayOff: WayOff = clear,
) {
  new Rollout("rollout", plan.outputs.rollout, previous);
  const done = new Map<string, ReturnType<typeof register>>();
  /** What others come after: the components, once what is waited for after them has come about. */
  const settled = new Map<string, pulumi.Input<pulumi.Resource>>();
  const waitFor = waitForSpire(config, plan, previous);
  for (const planned of plan.components) {
    const isCilium = planned.kind === "CiliumAuth" && !pulumi.runtime.isDryRun();
    const before = () => planned.after.map((name) => earlier(done, name));
    const dependsOn =
      isCilium && plan.waitsForNodes
        ? relaxed(before(), config.cluster)
        : isCilium && plan.waitsForSpire
          ? everywhere(before(), config)
          : planned.after.map((name) => earlier(settled, name));
    const hurried = planned.kind === "Certificates" && mayTurnOff(config, previous.state);
    const transformations = untouched(wayOff);
    const timeouts = hurried ? { customTimeouts: soon } : {};
    const component = register(planned, { provider, dependsOn, transformations, ...timeouts }, waitFor);
    done.set(planned.name, component);
    if (component instanceof Spire) component.resources.forEach((resource, name) => settled.set(name, resource));
    settled.set(planned.name, isCilium && plan.waitsForCilium ? rolled(component, config.cluster) : component);
  }
  const ready = plan.recordedAfter.map((name) => earlier(done, name).ready);
  const finished = pulumi.all([...ready, ...told(plan, done, config), ...kept(plan, done, previous, config)]);
  const access = packAccess(accessStateOf(config, plan));
  return {
    ...plan.outputs,
    rollout: finished.apply(() => plan.outputs.rollout),
    ...(access === undefined ? {} : { [lastAccessOutput]: finished.apply(() => access) }),
    ...(config.spire.federation ? { bundle: ownBundle(plan, previous, done, config) } : {}),
  };
}

/**
 * What turning authentication off leaves in the cluster, looked at once more: an object that somebody is deleting goes when the update takes its last finalizer, and Cilium's values, by which Cilium
 * learns that it stops, are made again then.
 */
function kept(plan: Plan, done: Done, previous: Previous, config: StackConfig): pulumi.Output<boolean>[] {
  const component = plan.components.find(({ kind }) => kind === "CiliumAuth");
  if (!component || !mayTurnOff(config, previous.state) || pulumi.runtime.isDryRun()) return [];
  const look = async () => {
    const { made } = await askWayOff(config, { ...plan, components: [component] }, previous, pulumi.getStack());
    await clearWayOff(config, { made });
    return true;
  };
  return [earlier(done, component.name).ready.apply(look)];
}

/**
 * Leaves the resources of missing objects as the engine has recorded them: the provider fails to update what is not there. In an update those that are made again are there. In a preview also those whose
 * change is refused: the preview would end there, and the update changes what it can.
 */
function untouched({ made, left, refused }: WayOff): pulumi.ResourceTransformation[] {
  const inPreview = pulumi.runtime.isDryRun() ? [...made.map(({ name }) => name), ...refused] : [];
  const names = new Set([...left, ...inPreview]);
  if (names.size === 0) return [];
  return [
    ({ name, props, opts }) =>
      names.has(name) ? { props, opts: pulumi.mergeOptions(opts, { ignoreChanges: ["*"] }) } : undefined,
  ];
}

/** The components of an update, by name. */
type Done = ReadonlyMap<string, ReturnType<typeof register>>;

/**
 * This cluster's bundle, for other stacks to begin a federation with. On the way off as it was, and with authentication off as it is when the update begins: nothing
 * of SPIRE's may hold those up. None where that is still the bundle of another trust domain.
 */
function ownBundle(plan: Plan, previous: Previous, done: Done, config: StackConfig) {
  const last = previous.bundles?.[config.trustDomain];
  const ask = async () => (await askOwnBundle(config)) ?? last;
  if (plan.recordedAfter.includes("spire")) return earlier(done, "spire").ready.apply(ask);
  const isAnother = previous.state !== undefined && previous.state.trustDomain !== config.trustDomain;
  return isAnother || mayTurnOff(config, previous.state) ? last : ask();
}

/** What became of the identities of an update, said before it ends. Not on the way off, and not where there are none but Cilium's, which the gates look after. */
function told(plan: Plan, done: Done, config: StackConfig): pulumi.Output<boolean>[] {
  const { workloads, entries } = config.spire;
  const none = workloads.length + entries.length === 0 || !plan.recordedAfter.includes("spire");
  if (none || pulumi.runtime.isDryRun()) return [];
  const say = {
    info: (text: string) => void pulumi.log.info(text),
    warn: (text: string) => void pulumi.log.warn(text),
  };
  return [earlier(done, "spire").ready.apply(() => tellRegistration(config, say, setTimeout).then(() => true))];
}

/** How long a change of anything of cert-manager's may take on the way off, which needs none of it: an update that ends with its failure is recorded as off all the same. What is made anew has its time: images are pulled. */
const soon = { update: "1m" };

/** What Cilium comes after on the way off: the policies that have stopped to demand authentication, on every node. */
function relaxed(policies: ReturnType<typeof register>[], cluster: StackConfig["cluster"]) {
  return pulumi.all(policies.map(({ ready }) => ready)).apply(async () => {
    const warning = await untilRelaxed(() => askAgents(cluster), setTimeout);
    if (warning) void pulumi.log.warn(warning);
    return policies;
  });
}

/** What Cilium comes after on the way on: SPIRE, once it is ready on every node. Where it is not, the update ends here, with Cilium as it was. */
function everywhere(spire: ReturnType<typeof register>[], config: StackConfig) {
  const tell = (what: string) => void pulumi.log.info(`waiting for SPIRE: ${what}`, undefined, undefined, true);
  return pulumi.all(spire.map(({ ready }) => ready)).apply(async () => {
    const left = await untilOnEveryNode(config, tell, setTimeout);
    if (left && "what" in left)
      throw userError(
        `${left.what}, so Cilium is left as it is. Look at: kubectl --namespace ${config.spire.agentNamespace} get pods --output wide; then update again.`,
      );
    if (left)
      void pulumi.log.warn(`Nobody could say whether SPIRE is ready on every node (${left.because}). Going on.`);
    return spire;
  });
}

/** Cilium's authentication, once every pod of Cilium's runs it. */
function rolled(cilium: ReturnType<typeof register>, cluster: StackConfig["cluster"]) {
  const tell = (what: string) => void pulumi.log.info(`waiting for Cilium: ${what}`, cilium, undefined, true);
  return cilium.ready.apply(async () => {
    const warning = await untilRolled(() => lookAt(cluster), tell, setTimeout);
    if (warning) void pulumi.log.warn(warning);
    return cilium;
  });
}

function register(planned: PlannedComponent, options: pulumi.ComponentResourceOptions, waitFor?: WaitFor) {
  switch (planned.kind) {
    case "Certificates":
      return new Certificates(planned.name, planned.args, options);
    case "Spire":
      return new Spire(planned.name, planned.args, options, waitFor);
    case "CiliumAuth":
      return new CiliumAuth(planned.name, planned.args, options);
    case "CiliumAuthPolicy":
      return new CiliumAuthPolicy(planned.name, planned.args, options);
    case "DenyAll":
      return new DenyAll(planned.name, planned.args, options);
    case "IstioAuthPolicy":
      return new IstioAuthPolicy(planned.name, planned.args, options);
    case "LinkerdAuthPolicy":
      return new LinkerdAuthPolicy(planned.name, planned.args, options);
    case "MeshNamespaces":
      return new MeshNamespaces(planned.name, planned.args, options);
  }
}
