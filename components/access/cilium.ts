import { createHash } from "node:crypto";
import type { Intent, Phase } from "../config/schema";
import { labelsOf, type KubernetesObject, type PlannedObject } from "../kubernetes";

/** The intents of one namespace, and how far they are enforced. */
export interface CiliumAuthPolicyArgs {
  readonly namespace: string;
  readonly phase: Exclude<Phase, "off">;
  /** Only intents whose target is in the namespace. */
  readonly intents: readonly Intent[];
}

/**
 * One CiliumNetworkPolicy for each target and port, with every intent on it: a policy for each intent would cut off the callers of the others while
 * only some are applied, since the first policy on a pod denies the rest.
 */
export function ciliumAuthPolicyObjects(component: string, args: CiliumAuthPolicyArgs): PlannedObject[] {
  const groups = new Map<string, Group>();
  for (const intent of args.intents) {
    const key = canonical(intent);
    const group = groups.get(key);
    if (group) group.push(intent);
    else groups.set(key, [intent]);
  }
  return [...groups.values()].map((group) => {
    const manifest = allowPolicy(args, group);
    return { name: `${component}-${manifest.metadata.name}`, manifest, after: [], keep: false };
  });
}

/** Intents with the same target and port. */
type Group = [Intent, ...Intent[]];

function allowPolicy({ namespace, phase }: CiliumAuthPolicyArgs, group: Group): KubernetesObject {
  const [{ target, port }] = group;
  const names = group.map(({ name }) => name).join(", ");
  return {
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: { name: policyName(group[0]), namespace, labels: labelsOf("access") },
    spec: {
      description: `Who may call ${namespace}/${names} on port ${port}`,
      endpointSelector: { matchLabels: target.selector },
      // In `observe` the rules deny nothing. Egress stays as it is in every phase.
      enableDefaultDeny: { ingress: phase !== "observe" },
      ingress: [
        {
          fromEndpoints: callersOf(group).map((caller) => ({ matchLabels: caller })),
          toPorts: [{ ports: [{ port: String(port), protocol: "TCP" }] }],
          ...(phase === "require" ? { authentication: { mode: "required" } } : {}),
        },
      ],
    },
  };
}

/** Callers as Cilium's labels, each once, in the order in which they are first named. */
function callersOf(intents: readonly Intent[]): Record<string, string>[] {
  const callers = new Map(
    intents.flatMap(({ callers }) => callers).map((caller) => [`${caller.namespace}/${caller.serviceAccount}`, caller]),
  );
  return [...callers.values()].map(({ namespace, serviceAccount }) => ({
    "k8s:io.kubernetes.pod.namespace": namespace,
    "k8s:io.cilium.k8s.policy.serviceaccount": serviceAccount,
  }));
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
    metadata: { name: "deny-all", namespace, labels: labelsOf("access") },
    spec: {
      description: `Nobody may call the pods of ${namespace} unless another policy allows it`,
      endpointSelector: {},
      ingress: [{}],
    },
  };
}

/** The same for the same target and port, whatever its intents are called: readable, and told apart by a hash of the selector. */
function policyName({ target, port }: Intent): string {
  const labels = sortedLabels(target.selector);
  const words = labels.map(([, value]) => value.toLowerCase()).join("-");
  const readable = words
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
  const hash = createHash("sha256").update(JSON.stringify(labels)).digest("hex").slice(0, 8);
  return ["allow", readable, String(port), hash].filter((part) => part !== "").join("-");
}

const canonical = ({ target, port }: Intent): string => JSON.stringify([sortedLabels(target.selector), port]);

const sortedLabels = (selector: Readonly<Record<string, string>>) =>
  Object.entries(selector).sort(([a], [b]) => (a < b ? -1 : 1));
