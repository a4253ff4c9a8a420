import type { PlannedObject, PlannedRelease } from "../../core/util/kubernetes";
import { ciliumValues, fluxValuesConfigMap, type CiliumAuthArgs } from "./values";

/** What CiliumAuth owns in the cluster beside a release: the values ConfigMap for Flux, or nothing. */
export function ciliumAuthObjects(component: string, args: CiliumAuthArgs): PlannedObject[] {
  if (args.delivery !== "flux") return [];
  return [{ name: `${component}-values`, manifest: fluxValuesConfigMap(args), after: [], keep: false }];
}

/** Where Cilium's chart is, unless the configuration says otherwise. */
export const ciliumChart = { name: "cilium", repository: "https://helm.cilium.io" } as const;

/**
 * The release of Cilium, where it is ours. Without `atomic`: a failed change of the flag must not be turned back, the next update finishes it.
 *
 * @returns undefined with any other delivery
 */
export function ciliumRelease(component: string, args: CiliumAuthArgs): PlannedRelease | undefined {
  if (!args.release) return undefined;
  const { version, chart } = args.release;
  return {
    name: `${component}-release`,
    // It is the cluster's network.
    keep: true,
    args: {
      name: "cilium",
      namespace: args.releaseNamespace,
      version,
      ...(chart === undefined
        ? { chart: ciliumChart.name, repositoryOpts: { repo: ciliumChart.repository } }
        : { chart }),
      values: ciliumValues(args),
      allowNullValues: true,
      maxHistory: 10,
      // A helm that is killed while it waits leaves the release locked: untilRolled waits instead.
      skipAwait: true,
    },
  };
}
