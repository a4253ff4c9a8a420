import { valuesConfigMap } from "../../core/schema/helmRelease";
import type { CiliumConfig } from "../../core/schema/schema";
import { withoutNulls } from "../../core/util/nulls";
import { forced, owned, type KubernetesObject } from "../../core/util/kubernetes";
import { bundledSpireValues, type BundledSettings, type InstallValues } from "./bundledSpire";

/** How one cluster's Cilium authenticates: plain values only. */
export interface CiliumAuthArgs {
  /** The flag: whether Cilium authenticates at all. */
  readonly enabled: boolean;
  /** `flux`: a ConfigMap that the HelmRelease reads. `helm`: a release of our own. `none`: the values are an output, and somebody else applies them. */
  readonly delivery: "flux" | "helm" | "none";
  /** Where the release is, and so must be the ConfigMap. */
  readonly releaseNamespace: string;
  /** The SPIRE that Cilium talks to. */
  readonly spire: {
    /** `<service>.<namespace>.svc:<port>` of a Service with a ClusterIP. */
    readonly serverAddress: string;
    readonly trustDomain: string;
    readonly adminSocketPath: string;
    readonly agentSocketPath: string;
  };
  /** Where Cilium's chart installs that SPIRE. */
  readonly bundled?: BundledSettings;
  /** With `helm`. */
  readonly release?: {
    readonly version: string;
    /** An `oci://` reference or a folder; Cilium's own repository without it. */
    readonly chart?: string;
    /** All other values of the chart. */
    readonly baseValues: Readonly<Record<string, unknown>>;
  };
}

/** What is ours in the values of Cilium's chart, and not a key more. */
export interface CiliumValues {
  readonly authentication: {
    readonly enabled: boolean;
    readonly mutual: {
      readonly spire: CiliumAuthArgs["spire"] & { readonly enabled: boolean; readonly install: InstallValues };
    };
  };
  readonly rollOutCiliumPods: true;
  readonly operator: { readonly rollOutPods: true };
}

/** The namespace of Cilium's release: Cilium's own unless the configuration names another. */
export function releaseNamespaceOf({ namespace, releaseNamespace }: CiliumConfig): string {
  return releaseNamespace ?? namespace;
}

/** Cilium's release where it is this program's, as a stack records it: `kube-system/cilium`. */
export const ownRelease = (cilium: CiliumConfig | undefined): string | undefined =>
  cilium?.delivery === "helm" ? `${releaseNamespaceOf(cilium)}/cilium` : undefined;

/**
 * The values for Cilium's chart. Off is spelled out: the chart refuses `authentication.enabled: false` beside `spire.enabled: true`
 * (templates/validate.yaml), `install.enabled` defaults to true, and agents read their configuration at start only, hence the rollouts. With a release of
 * our own, everything else in the chart is as the base values have it.
 */
export function ciliumValues({ enabled, spire, bundled, release }: CiliumAuthArgs): CiliumValues {
  const base = withoutNulls(release?.baseValues ?? {});
  const install: InstallValues = bundled ? bundledSpireValues(bundled) : { enabled: false };
  return {
    ...base,
    authentication: { enabled, mutual: { spire: { enabled, install, ...spire } } },
    rollOutCiliumPods: true,
    operator: { ...(base["operator"] as object | undefined), rollOutPods: true },
  };
}

/** What a Flux HelmRelease reads through `valuesFrom`. The label makes Flux act at once and not at its interval. JSON, which is YAML. */
export function fluxValuesConfigMap(args: CiliumAuthArgs): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: valuesConfigMap.name,
      namespace: args.releaseNamespace,
      ...owned("cilium-auth", { labels: { "reconcile.fluxcd.io/watch": "Enabled" }, annotations: forced }),
    },
    data: { [valuesConfigMap.key]: `${JSON.stringify(ciliumValues(args), null, 2)}\n` },
  };
}
