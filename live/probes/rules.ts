import type { StackConfig } from "../../core/schema/schema";
import { endedBy, itemsOf, kubeconfigAt, reasonOf } from "../client";

/** As much of a Cilium policy as tells whether it demands authentication. */
interface Policy {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
  readonly specs?: unknown;
}

/** How long the lists may take, in milliseconds. */
const patience = 15_000;

/**
 * Names the policies in a cluster that demand authentication, whoever wrote them: `CiliumNetworkPolicy orders/api`. Reads ciliumnetworkpolicies and
 * ciliumclusterwidenetworkpolicies; never throws.
 */
export async function askRules({ context }: StackConfig["cluster"]): Promise<string[] | { readonly because: string }> {
  try {
    const kubeconfig = await kubeconfigAt(context);
    if (!kubeconfig) return { because: `no kubeconfig context ${context}` };
    const { CustomObjectsApi } = await import("@kubernetes/client-node");
    const api = kubeconfig.makeApiClient(CustomObjectsApi);
    const options = await endedBy(AbortSignal.timeout(patience));
    const demanding = async (kind: string, plural: string): Promise<string[]> => {
      const list = api.listClusterCustomObject({ group: "cilium.io", version: "v2", plural }, options);
      return (await itemsOf<Policy>(list))
        .filter(demandsAuthentication)
        .map(({ metadata }) => `${kind} ${[metadata.namespace, metadata.name].filter(Boolean).join("/")}`);
    };
    const found = await Promise.all([
      demanding("CiliumNetworkPolicy", "ciliumnetworkpolicies"),
      demanding("CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies"),
    ]);
    return found.flat();
  } catch (error) {
    return { because: reasonOf(error) };
  }
}

/** Whether a CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy demands authentication of anybody. Never throws, whatever is in it. */
export const demandsAuthentication = ({
  spec,
  specs,
}: {
  readonly spec?: unknown;
  readonly specs?: unknown;
}): boolean =>
  [spec, ...listOf(specs)].some((rules) =>
    [...listOf(fieldOf(rules, "ingress")), ...listOf(fieldOf(rules, "egress"))].some((rule) =>
      demandingModes.some((mode) => mode === fieldOf(fieldOf(rule, "authentication"), "mode")),
    ),
  );

const demandingModes = ["required", "test-always-fail"];
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const fieldOf = (value: unknown, field: string): unknown =>
  (value as Record<string, unknown> | null | undefined)?.[field];
