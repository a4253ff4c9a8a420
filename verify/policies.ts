import { describeObject, type KubernetesObject, isOwn } from "../core/util/kubernetes";

type Labels = Readonly<Record<string, string>>;

interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

interface Rule {
  readonly endpointSelector?: LabelSelector;
  readonly podSelector?: LabelSelector;
  readonly policyTypes?: readonly string[];
  readonly ingress?: unknown;
  readonly ingressDeny?: unknown;
  readonly egress?: unknown;
}

/** A NetworkPolicy, CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy. */
export type Policy = KubernetesObject & { readonly spec?: Rule | null; readonly specs?: readonly Rule[] | null };

/**
 * The policies of others that say something about ingress to some of the pods: beside them, what the intents say is not all that counts.
 *
 * @param pods labels of the namespace's pods
 * @returns their kinds and names, sorted
 */
export function foreignPolicies(policies: readonly Policy[], namespace: string, pods: readonly Labels[]): string[] {
  return policies
    .filter(({ metadata: { labels } }) => !isOwn(labels))
    .filter(({ spec, specs }) =>
      [...(spec ? [spec] : []), ...(specs ?? [])].some(
        (rule) =>
          isAboutIngress(rule) &&
          pods.some((pod) => selects(rule, { ...pod, "io.kubernetes.pod.namespace": namespace })),
      ),
    )
    .map(describeObject)
    .sort();
}

/** A NetworkPolicy is about ingress unless it says otherwise. */
const isAboutIngress = (rule: Rule) =>
  rule.podSelector
    ? rule.policyTypes === undefined || rule.policyTypes.includes("Ingress")
    : rule.ingress !== undefined || rule.ingressDeny !== undefined;

/** What has neither selector selects nodes. */
function selects({ podSelector, endpointSelector }: Rule, labels: Labels): boolean {
  const selector = podSelector ?? endpointSelector;
  if (!selector) return false;
  const valueOf = (key: string) => labels[key.replace(/^(k8s|any)[:.]/, "")];
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => valueOf(key) === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = valueOf(key);
      if (operator === "In") return value !== undefined && values.includes(value);
      if (operator === "NotIn") return value === undefined || !values.includes(value);
      if (operator === "Exists") return value !== undefined;
      if (operator === "DoesNotExist") return value === undefined;
      // What is not known to leave a pod out may select it.
      return true;
    })
  );
}
