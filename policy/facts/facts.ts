import type { StackConfig } from "../../core/schema/schema";
import { manifestsOf, type KubernetesObject } from "../../core/util/kubernetes";
import type { Plan } from "../../plan/plan";
import type { Previous } from "../../core/rollout/state";
import type { types } from "../../components/types";
import { releaseNamespaceOf } from "../../components/cilium/values";

/** Another stack of the project, as far as its stack file can be read. */
export interface Peer {
  readonly name: string;
  readonly trustDomain: string;
  /** Its cluster's, where the stack file has it. */
  readonly identity?: string;
}

/** Values for Cilium's chart, whoever installs it. */
export interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly values: unknown;
  /** Whether the chart gets no others: what is missing in them is the chart's default. */
  readonly complete: boolean;
}

/** The resource or component `from` comes after the resource `to`. To come after a component is to come after all its objects. */
export interface Edge {
  readonly from: string;
  readonly to: string;
}

/** A component of this program, and the names of the resources in it. */
export interface Part {
  readonly kind: keyof typeof types;
  readonly name: string;
  readonly resources: readonly string[];
}

/** A provider for Kubernetes that some object goes through: which cluster it names, undefined where it names none. */
export interface ProviderFact {
  readonly name: string;
  readonly context: string | undefined;
  readonly identity: string | undefined;
}

/** All that a guardrail may look at: plain values, from a plan or, in the policy pack, from what the engine was given. */
export interface Facts {
  readonly stack: {
    readonly name: string;
    readonly peers: readonly Peer[];
    /** What keeps a namespace's evidence from being enough for `require`. Where nobody can look it up, there is none. */
    readonly evidence?: (namespace: string) => readonly string[];
  };
  readonly config: StackConfig;
  readonly objects: readonly KubernetesObject[];
  readonly releases: readonly Release[];
  readonly components: readonly Part[];
  readonly edges: readonly Edge[];
  readonly providers: readonly ProviderFact[];
  /** `unknown` where there is no baseline to compare with, as in a render of a stack file alone. */
  readonly previous: Previous | "unknown";
}

/** The facts of an update that is only planned. */
export function factsOfPlan(
  stack: Facts["stack"],
  config: StackConfig,
  { components, ciliumValues }: Plan,
  previous: Facts["previous"],
): Facts {
  const resourcesOf = ({ objects, release }: Plan["components"][number]) =>
    [...objects, ...(release ? [release] : [])].map(({ name }) => name);
  const { context, identity } = config.cluster;
  const named = new Map(components.map((component) => [component.name, resourcesOf(component)]));
  return {
    stack,
    config,
    objects: manifestsOf(components),
    releases: ownReleases(config, ciliumValues),
    components: components.map((component) => ({
      kind: component.kind,
      name: component.name,
      resources: resourcesOf(component),
    })),
    edges: components.flatMap(({ name, after, objects, release }) => [
      ...after.flatMap((other) => (named.get(other) ?? [other]).map((to) => ({ from: name, to }))),
      ...[...objects, ...(release ? [release] : [])].flatMap((resource) =>
        (resource.after ?? []).map((to) => ({ from: resource.name, to })),
      ),
    ]),
    providers: [{ name: "cluster", context, identity }],
    previous,
  };
}

/** The release of Cilium that the component CiliumAuth gives values to, if there is one. With any other delivery than `helm` they are not all that the chart gets. */
export function ownReleases({ cluster: { cilium } }: StackConfig, values: unknown): Release[] {
  if (!cilium) return [];
  return [{ name: "cilium", namespace: releaseNamespaceOf(cilium), values, complete: cilium.delivery === "helm" }];
}
