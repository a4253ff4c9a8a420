import { ownSelector } from "../../core/util/kubernetes";
import { releaseNamespaceOf } from "../../components/cilium/values";
import { valuesConfigMap, isCiliumRelease, type HelmRelease } from "../../core/schema/helmRelease";
import type { StackConfig } from "../../core/schema/schema";
import { spire } from "../../core/schema/spireNames";
import { absent, endedBy, itemsOf, kubeconfigAt, reasonOf } from "../client";

/** What of Flux is in a cluster, beside the values ConfigMap; or why nobody knows. */
export type Flux =
  | {
      /** The HelmReleases of Cilium in the release's namespace. */
      readonly releases: readonly HelmRelease[];
      /** What a Kustomization of Flux's applies that this stack would own too, as `ConfigMap kube-system/cilium-zero-trust-values (Kustomization flux-system/infrastructure)`. */
      readonly applied: readonly string[];
    }
  | { readonly because: string };

/** How long it may take, in milliseconds. */
const patience = 5_000;

interface Labelled {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

const mark = "kustomize.toolkit.fluxcd.io/name";

/**
 * Looks at Cilium's HelmRelease, and at who else applies what this stack owns: its values, its policies and SPIRE. Reads these objects; never throws.
 *
 * @returns undefined where Flux delivers nothing
 */
export async function askFlux({ cluster, spire: { install }, rollout }: StackConfig): Promise<Flux | undefined> {
  const { context, cilium } = cluster;
  if (cilium?.delivery !== "flux") return undefined;
  try {
    const kubeconfig = await kubeconfigAt(context);
    if (!kubeconfig) return { because: `no kubeconfig context ${context}` };
    const { AppsV1Api, CoreV1Api, CustomObjectsApi } = await import("@kubernetes/client-node");
    const options = await endedBy(AbortSignal.timeout(patience));
    const custom = kubeconfig.makeApiClient(CustomObjectsApi);
    const namespace = releaseNamespaceOf(cilium);
    const releases = custom.listNamespacedCustomObject(
      { group: "helm.toolkit.fluxcd.io", version: "v2", plural: "helmreleases", namespace },
      options,
    );
    const policies = Object.keys(rollout.phases).map((policyNamespace) =>
      custom.listNamespacedCustomObject(
        {
          group: "cilium.io",
          version: "v2",
          plural: "ciliumnetworkpolicies",
          namespace: policyNamespace,
          labelSelector: `${mark},${ownSelector}`,
        },
        options,
      ),
    );
    const core = kubeconfig.makeApiClient(CoreV1Api);
    const apps = kubeconfig.makeApiClient(AppsV1Api);
    const server = { name: spire.server, namespace: spire.namespace };
    const [found, values, statefulSet, ...own] = await Promise.all([
      itemsOf<HelmRelease>(releases),
      absent(core.readNamespacedConfigMap({ name: valuesConfigMap.name, namespace }, options)),
      install === "managed" ? absent(apps.readNamespacedStatefulSet(server, options)) : undefined,
      ...policies.map((list) => itemsOf<Labelled>(list)),
    ]);
    return {
      releases: found.filter(isCiliumRelease),
      applied: [
        ...appliedOf("ConfigMap", [values]),
        ...appliedOf("StatefulSet", [statefulSet]),
        ...appliedOf("CiliumNetworkPolicy", own.flat()),
      ],
    };
  } catch (error) {
    return { because: reasonOf(error) };
  }
}

/** Those of some objects that a Kustomization applies, with its name (its owner labels, docs/spec/v1/kustomizations.md). */
function appliedOf(kind: string, objects: readonly (Labelled | undefined)[]): string[] {
  return objects.flatMap((object) => {
    const { name, namespace, labels = {} } = object?.metadata ?? {};
    const by = labels[mark];
    if (by === undefined) return [];
    return [
      `${kind} ${namespace ?? ""}/${name ?? ""} (Kustomization ${labels["kustomize.toolkit.fluxcd.io/namespace"] ?? ""}/${by})`,
    ];
  });
}
