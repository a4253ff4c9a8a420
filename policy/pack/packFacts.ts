import { UnknownValueError } from "@pulumi/policy";
import { groupBy } from "../../core/util/groupBy";
import type { KubernetesObject } from "../../core/util/kubernetes";
import { readPrevious } from "../../core/rollout/state";
import { types } from "../../components/types";
import { ownReleases, type Facts, type Release } from "../facts/facts";
import { listOf, recordOf, textOf } from "../rules/values";

/** As much of a resource as the engine shows a policy. */
export interface PackResource {
  readonly type: string;
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
  readonly parent?: { readonly name: string };
  readonly dependencies?: readonly { readonly name: string }[];
  readonly provider?: {
    readonly name: string;
    readonly type: string;
    readonly props: Readonly<Record<string, unknown>>;
  };
}

/** Plain values of a resource's properties, and where something is unknown in a preview. */
export interface KnownPart {
  readonly value: unknown;
  /** Paths, as `spec.ingress[0]`. */
  readonly unknown: readonly string[];
}

/** Copies what is known. Reading an unknown throws, and a policy that throws is silently turned into advice: so that must not happen later. */
export function knownPart(value: unknown): KnownPart {
  const unknown: string[] = [];
  return { value: copyKnown(value, "", unknown), unknown };
}

/** Every stack policy copies every resource, so this makes little but the copy. */
function copyKnown(value: unknown, path: string, unknown: string[]): unknown {
  if (typeof value !== "object" || value === null) return value;
  const isList = Array.isArray(value);
  const entries: [string, unknown][] = [];
  // The indices of a list are read as an object's keys are.
  for (const key of Object.keys(value)) {
    const at = isList ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    try {
      entries.push([key, copyKnown((value as Record<string, unknown>)[key], at, unknown)]);
    } catch (error) {
      if (!(error instanceof UnknownValueError)) throw error;
      unknown.push(at);
      entries.push([key, undefined]);
    }
  }
  return isList ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

/** The Kubernetes object that a resource is, and what is unknown in it; undefined for any other resource. */
export function objectOf({ type, props }: PackResource): { manifest: KubernetesObject; unknown: string[] } | undefined {
  if (!type.startsWith("kubernetes:")) return undefined;
  const { value, unknown } = knownPart(props);
  const { apiVersion, kind, metadata } = recordOf(value);
  if (typeof apiVersion !== "string" || typeof kind !== "string") return undefined;
  const { name = "(unnamed)", namespace, ...all } = recordOf(metadata);
  // A patch is given back with what others wrote on the object, which is theirs.
  const { labels: _labels, annotations: _annotations, ...others } = all;
  const rest = type.endsWith("Patch") ? others : all;
  const { status: _, ...manifest } = recordOf(value);
  const place = namespace === undefined ? {} : { namespace: textOf(namespace) };
  return {
    manifest: { ...manifest, apiVersion, kind, metadata: { ...rest, ...place, name: textOf(name) } },
    // What the API server fills in decides nothing; of the metadata the namespace and the labels do.
    unknown: unknown.filter((path) => !/^(status|id)\b|^metadata\.(?!namespace|labels)/.test(path)),
  };
}

/** The facts of a stack, rebuilt from what the engine was given: the objects, their order, Cilium's values, and the state that the program read. */
export function factsOfResources(
  { stack, config }: Pick<Facts, "stack" | "config">,
  resources: readonly PackResource[],
): Facts {
  const rollout = resources.find(({ type }) => type === types.Rollout);
  const children = groupBy(resources, ({ parent }) => parent?.name);
  let objects: Facts["objects"] | undefined;
  return {
    stack,
    config,
    // Copied when a guardrail first reads them: half of those that judge the whole stack never do.
    get objects() {
      return (objects ??= resources.flatMap((resource) => objectOf(resource)?.manifest ?? []));
    },
    releases: releasesOf(config, resources),
    components: resources.flatMap(({ type, name }) => {
      const kind = kinds.find((candidate) => types[candidate] === type);
      if (kind === undefined || kind === "Rollout") return [];
      return [{ kind, name, resources: (children.get(name) ?? []).map((child) => child.name) }];
    }),
    providers: providersOf(resources),
    edges: resources.flatMap(({ name, dependencies = [] }) => dependencies.map((to) => ({ from: name, to: to.name }))),
    previous: readPrevious(recordOf(knownPart(rollout?.props).value)["previous"]) ?? "unknown",
  };
}

const kinds = Object.keys(types) as (keyof typeof types)[];

/** Cilium's values: those of the component CiliumAuth, which makes its release with them, and those of any other release of Cilium in the stack. */
function releasesOf(config: Facts["config"], resources: readonly PackResource[]): Release[] {
  const own = resources.filter(({ type }) => type === types.CiliumAuth);
  const others = resources.filter(
    ({ type, parent }) => /^kubernetes:helm\.sh\/v\d+:(Release|Chart)$/.test(type) && !own.some(isParent(parent)),
  );
  return [
    ...own.flatMap(({ props }) => ownReleases(config, recordOf(knownPart(props).value)["values"])),
    ...others.flatMap(({ name: resource, props }) => {
      const {
        chart,
        name = resource,
        namespace = "default",
        values,
        valueYamlFiles,
      } = recordOf(knownPart(props).value);
      if (typeof chart !== "string" || !/(^|\/)cilium(-[\w.+-]+\.tgz|[:@].*)?\/?$/.test(chart)) return [];
      const complete = listOf(valueYamlFiles).length === 0;
      return [{ name: textOf(name), namespace: textOf(namespace), values, complete }];
    }),
  ];
}

const isParent =
  (parent: PackResource["parent"]) =>
  ({ name }: PackResource) =>
    name === parent?.name;

/** The providers that Kubernetes objects go through, each once. */
function providersOf(resources: readonly PackResource[]): Facts["providers"] {
  const used = resources.flatMap(({ type, provider }) =>
    provider && type.startsWith("kubernetes:") ? [provider] : [],
  );
  const text = (value: unknown) => (typeof value === "string" ? value : undefined);
  return [...new Map(used.map((provider) => [provider.name, provider])).values()].map(({ name, props }) => {
    const { context, clusterIdentifier } = recordOf(knownPart(props).value);
    return { name, context: text(context), identity: text(clusterIdentifier) };
  });
}
