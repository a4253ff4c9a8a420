import { isForeign } from "../../../core/schema/intent";
import type { Intent, Phase } from "../../../core/schema/schema";
import { forced, owned, type KubernetesObject, type PlannedObject } from "../../../core/util/kubernetes";
import { lower } from "../../../core/rollout/phases";
import { ciliumIngressRules } from "./rules";
import { denyAllName, type PolicyForm } from "./policyForm";
import { countParts, partName, partOf } from "./policyParts";
import { byTarget, targetName } from "../../../core/access/targets";

/** The intents of one namespace, and how far they are enforced. */
export interface CiliumAuthPolicyArgs {
  readonly namespace: string;
  readonly phase: Exclude<Phase, "off">;
  /** Only intents whose target is in the namespace. */
  readonly intents: readonly Intent[];
  /** How many objects there are already; only where rules were too large for one. */
  readonly parts?: number;
  /** Only in a stack that has the objects of an earlier version of this program. */
  readonly form?: Exclude<PolicyForm, "whole">;
}

/**
 * Who may call the pods of a namespace: one CiliumNetworkPolicy with a specification for each target and port, and from `allow` on the default deny as the last. So all of it
 * changes at once, and the engine keeps one resource, since it writes its whole state after each. A specification has every intent on its target: a pod that
 * one selects is closed to all that none admits. None for callers of another trust domain: Cilium tells no such callers.
 *
 * @throws Error where an intent has empty operations, which no loaded configuration has
 */
export function ciliumAuthPolicyObjects(component: string, args: CiliumAuthPolicyArgs): PlannedObject[] {
  const { form = "whole" } = args;
  const relaxed = { ...args, phase: lower(args.phase, "allow") as typeof args.phase };
  const wholes = form === "perTarget" ? [] : wholePolicies(form === "joined" ? relaxed : args);
  const singles = form === "whole" ? [] : targetPolicies(form === "leaving" ? relaxed : args);
  const named = (manifest: KubernetesObject) => `${component}-${manifest.metadata.name}`;
  const planned = (manifest: KubernetesObject, before?: KubernetesObject): PlannedObject => ({
    name: named(manifest),
    manifest,
    after: before ? [named(before)] : [],
    keep: false,
  });
  return [
    ...wholes.map((manifest, i) => planned(manifest, wholes[i - 1])),
    ...singles.map((manifest) => planned(manifest, wholes.at(-1))),
  ];
}

/**
 * The policy that admits the callers of one of a namespace's intents, and the description of the specification in it.
 *
 * @param intents of the namespace
 */
export function admittingPolicy(intents: readonly Intent[], intent: Intent): { name: string; description: string } {
  const specs = allowSpecs({ namespace: intent.target.namespace, phase: "require", intents });
  const own = specs.find(({ name }) => name === targetName(intent));
  return { name: partName(partOf(intent.target, countParts(specs, 0))), description: own?.spec.description ?? "" };
}

type Spec = Readonly<Record<string, unknown>> & { readonly description: string };

/** The parts in the order in which they are written. */
function wholePolicies(args: CiliumAuthPolicyArgs): KubernetesObject[] {
  const { namespace, phase, parts = 0 } = args;
  const allow = allowSpecs(args);
  // By the longest that they ever are, so that no phase changes it, nor the flag.
  const count = countParts(phase === "require" ? allow : allowSpecs({ ...args, phase: "require" }), parts);
  const numbers = Array.from({ length: count }, (_, part) => part).reverse();
  return numbers.flatMap((part) => {
    const specs = [
      ...allow.filter(({ target }) => partOf(target, count) === part).map(({ spec }) => spec),
      ...(part === 0 && phase !== "observe" ? [denyAllSpec(namespace)] : []),
    ];
    if (specs.length === 0 && count === 1) return [];
    return [policy(namespace, partName(part), { specs: specs.length > 0 ? specs : [idleSpec] })];
  });
}

/** A specification for each target and port, in the order in which these are first named. */
function allowSpecs({ namespace, phase, intents }: Pick<CiliumAuthPolicyArgs, "namespace" | "phase" | "intents">) {
  return byTarget(intents.flatMap(withoutForeigners)).map((same) => {
    const [first] = same;
    const spec: Spec = {
      description: `Who may call ${namespace}/${same.map(({ name }) => name).join(", ")} on port ${first.port}`,
      endpointSelector: { matchLabels: first.target.selector },
      // In `observe` the rules deny nothing. Egress stays as it is in every phase.
      enableDefaultDeny: { ingress: phase !== "observe" },
      ingress: ciliumIngressRules(same, phase, first.port),
    };
    return { target: first.target, name: targetName(first), spec, characters: JSON.stringify(spec).length };
  });
}

function withoutForeigners(intent: Intent): Intent[] {
  const callers = intent.callers.filter((caller) => !isForeign(caller));
  return callers.length === 0 ? [] : [{ ...intent, callers }];
}

/** As earlier versions made them. */
const targetPolicies = (args: CiliumAuthPolicyArgs): KubernetesObject[] =>
  allowSpecs(args).map(({ name, spec }) => policy(args.namespace, name, { spec }));

/** The namespace that is closed to everyone whom no allow rule admits. */
export interface DenyAllArgs {
  readonly namespace: string;
}

/** The default deny as earlier versions made it, an object of its own. */
export function denyAllObjects(component: string, { namespace }: DenyAllArgs): PlannedObject[] {
  const manifest = policy(namespace, denyAllName, { spec: denyAllSpec(namespace) });
  return [{ name: `${component}-policy`, manifest, after: [], keep: false }];
}

/** Denies every ingress to the pods of a namespace that no allow rule admits. An empty list of rules would deny nothing. */
const denyAllSpec = (namespace: string): Spec => ({
  description: `Nobody may call the pods of ${namespace} unless another policy allows it`,
  endpointSelector: {},
  ingress: [{}],
});

/** For a part without targets, since Cilium refuses one without a rule. */
const idleSpec: Spec = {
  description: "Admits nobody and denies nobody: no target's rules are in this part",
  endpointSelector: {},
  enableDefaultDeny: { ingress: false },
  ingress: [{}],
};

const policy = (namespace: string, name: string, specs: { spec: Spec } | { specs: readonly Spec[] }) => ({
  apiVersion: "cilium.io/v2",
  kind: "CiliumNetworkPolicy",
  metadata: { name, namespace, ...owned("access", { annotations: forced }) },
  ...specs,
});
