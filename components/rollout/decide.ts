import type { StackConfig } from "../config/schema";
import type { Look } from "./live";
import type { Readiness } from "./readiness";
import type { Previous, RolloutState } from "./state";

/** What is known before an update, and what has to be said about how it is known. */
export interface Known {
  readonly previous: Previous;
  /** Problems that stop an update and are errors in a preview. */
  readonly errors: readonly string[];
  /** Things to know. */
  readonly notes: readonly string[];
}

/**
 * Joins what the last update recorded with what a look at the cluster shows.
 *
 * A `require` needs an answer, for a rule that demands authentication from a Cilium that does not authenticate drops every new connection. A preview
 * without access goes by the record and says so. Nor does a namespace get to `require` while some pod could not authenticate. The way off needs no answer, and is stopped by one only: that this is another cluster.
 */
export function decideKnown(
  config: StackConfig,
  state: RolloutState | undefined,
  look: Look,
  preview: boolean,
  readiness: Readiness = { lacks: [], unknown: [] },
): Known {
  const record: Previous = state ? { state } : {};
  const { context, identity } = config.cluster;

  if (!look.reachable) {
    const what = `The cluster ${context} cannot be read (${look.because})`;
    if (preview) {
      const notes = [`${what}; this preview goes by what the last update recorded`];
      return { previous: { ...record, cilium: state?.auth ? "on" : "off" }, errors: [], notes };
    }
    const waiting = Object.entries(config.rollout.phases).filter(([, phase]) => config.auth && phase === "require");
    if (waiting.length === 0) return { previous: record, errors: [], notes: [what] };
    const namespaces = waiting.map(([namespace]) => namespace).join(", ");
    const error =
      `${what}, so nobody knows whether Cilium authenticates, and ${namespaces} may not be require without. ` +
      `Give this kubeconfig read access to ${readable(config)}, or write allow.`;
    return { previous: record, errors: [error], notes: [] };
  }

  if (look.identity !== identity) {
    const error =
      `The context ${context} leads to the cluster ${look.identity}, but this stack belongs to ${identity}. If the context is right: ` +
      `pulumi config set --path zero-trust:cluster.identity ${look.identity}`;
    return { previous: record, errors: [error], notes: [] };
  }
  // After an off Cilium may still run with what was delivered before, and be about to roll: only what follows a finished on counts as on.
  const recent = look.cilium === "on" && !state?.auth;
  const unready = readiness.lacks.length > 0 ? readiness.lacks.join("; ") : undefined;
  const waitsFor = recent ? "the last update did not turn it on" : (look.waitsFor ?? unready);
  const notes =
    waitsFor === undefined || !config.auth ? [] : [`Cilium does not authenticate everywhere yet: ${waitsFor}`];
  const unknown = readiness.unknown.map(
    (what) => `Nobody could say ${what}; where not, callers are dropped in require`,
  );
  const cilium = look.cilium === "on" && waitsFor !== undefined ? "rolling" : look.cilium;
  return { previous: { ...record, cilium }, errors: [], notes: [...notes, ...unknown] };
}

/** Whether an update might take a namespace to `require` that is not there, so that it has to be known whether pods could authenticate. */
export const entersRequire = ({ auth, rollout }: StackConfig, state: RolloutState | undefined): boolean =>
  auth &&
  state?.auth === true &&
  Object.entries(rollout.phases).some(
    ([namespace, phase]) => phase === "require" && state.phases[namespace] !== "require",
  );

const readable = ({ cluster: { cilium } }: StackConfig) =>
  `the namespace kube-system and, in ${cilium.namespace}, the ConfigMap cilium-config, the DaemonSet cilium and the Deployment cilium-operator`;
