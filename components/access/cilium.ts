import { isForeign } from "../config/intent";
import type { Intent, Phase } from "../config/schema";
import { forced, owned, type KubernetesObject, type PlannedObject } from "../kubernetes";
import { ciliumIngressRules } from "./ciliumRules";
import { byTarget, targetName } from "./targets";

/** The intents of one namespace, and how far they are enforced. */
export interface CiliumAuthPolicyArgs {
  readonly namespace: string;
  readonly phase: Exclude<Phase, "off">;
  /** Only intents whose target is in the namespace. */
  readonly intents: readonly Intent[];
}

/**
 * One CiliumNetworkPolicy for each target and port, with every intent on it: a policy for each intent would cut off the callers of the others while
 * only some are applied, since the first policy on a pod denies the rest. None for callers of another trust domain: Cilium tells no such callers.
 *
 * @throws Error where an intent has empty operations, which no loaded configuration has
 */
export function ciliumAuthPolicyObjects(component: string, args: CiliumAuthPolicyArgs): PlannedObject[] {
  return byTarget(args.intents.flatMap(withoutForeigners)).map((intents) => {
    const manifest = allowPolicy(args, intents);
    return { name: `${component}-${manifest.metadata.name}`, manifest, after: [], keep: false };
  });
}

function withoutForeigners(intent: Intent): Intent[] {
  const callers = intent.callers.filter((caller) => !isForeign(caller));
  return callers.length === 0 ? [] : [{ ...intent, callers }];
}

/** @param intents with the same target and port */
function allowPolicy({ namespace, phase }: CiliumAuthPolicyArgs, intents: [Intent, ...Intent[]]): KubernetesObject {
  const [{ target, port }] = intents;
  const names = intents.map(({ name }) => name).join(", ");
  return {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: { name: targetName(intents[0]), namespace, ...owned("access", { annotations: forced }) },
    spec: {
      description: `Who may call ${namespace}/${names} on port ${port}`,
      endpointSelector: { matchLabels: target.selector },
      // In `observe` the rules deny nothing. Egress stays as it is in every phase.
      enableDefaultDeny: { ingress: phase !== "observe" },
      ingress: ciliumIngressRules(intents, phase, port),
    },
  };
}

/** The namespace that is closed to everyone whom no allow rule admits. */
export interface DenyAllArgs {
  readonly namespace: string;
}

export function denyAllObjects(component: string, { namespace }: DenyAllArgs): PlannedObject[] {
  return [{ name: `${component}-policy`, manifest: denyAllPolicy(namespace), after: [], keep: false }];
}

/** Denies every ingress to the pods of a namespace that no allow rule admits. An empty list of rules would deny nothing. */
function denyAllPolicy(namespace: string): KubernetesObject {
  return {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: { name: "zero-trust-deny-all", namespace, ...owned("access", { annotations: forced }) },
    spec: {
      description: `Nobody may call the pods of ${namespace} unless another policy allows it`,
      endpointSelector: {},
      ingress: [{}],
    },
  };
}
