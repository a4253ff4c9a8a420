import { isObject } from "../util/objects";

/** As much of a Flux HelmRelease as decides which values its chart gets (helm.toolkit.fluxcd.io/v2). */
export interface HelmRelease {
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly spec?: {
    readonly releaseName?: string;
    readonly chart?: { readonly spec?: { readonly chart?: string } };
    readonly suspend?: boolean;
    readonly values?: unknown;
    readonly valuesFrom?: unknown;
  };
}

/** A place in a HelmRelease, and what is wrong there. */
export interface Shadow {
  /** As `spec.values.authentication`. */
  readonly field: string;
  readonly message: string;
}

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields => (isObject(value) ? value : {});
const entriesOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : []);

/** The part of the values that this program owns, and what follows it in a path. */
const ours = /^(authentication|rollOutCiliumPods|operator\.rollOutPods)(\.|$)/;

/** Whether this program sets what is at a path in the values of Cilium's chart, from the flag. */
export const isOwnValue = (path: string): boolean => ours.test(path);

/**
 * What in a HelmRelease wins over the values ConfigMap: values that are written in it do, and an entry with a `targetPath` wins over everything
 * (fluxcd/helm-controller docs/spec/v2/helmreleases.md).
 *
 * @param spec the HelmRelease's, of any shape
 */
export function shadowsOf(spec: unknown): Shadow[] {
  const { values, valuesFrom } = fieldsOf(spec);
  const inline = fieldsOf(values);
  const written = [
    ...["authentication", "rollOutCiliumPods"].filter((key) => inline[key] !== undefined),
    ...(fieldsOf(inline["operator"])["rollOutPods"] === undefined ? [] : ["operator.rollOutPods"]),
  ];
  return [
    ...written.map((key) => ({ field: `spec.values.${key}`, message: "wins over the ConfigMap; remove it" })),
    ...entriesOf(valuesFrom).flatMap(({ targetPath }, i) =>
      typeof targetPath === "string" && isOwnValue(targetPath)
        ? [{ field: `spec.valuesFrom[${i}]`, message: `writes ${targetPath}, over the ConfigMap; remove it` }]
        : [],
    ),
  ];
}

/** Where a HelmRelease reads the values ConfigMap: at which entry, and how many come after it, whose values win. Undefined where it does not. */
export function entryOf({ spec }: HelmRelease): { index: number; later: number } | undefined {
  const entries = entriesOf(spec?.valuesFrom);
  const index = entries.findIndex(
    ({ kind, name, valuesKey = valuesConfigMap.key, targetPath }) =>
      kind === "ConfigMap" &&
      name === valuesConfigMap.name &&
      valuesKey === valuesConfigMap.key &&
      targetPath === undefined,
  );
  return index < 0 ? undefined : { index, later: entries.length - index - 1 };
}

/** Whether a HelmRelease is that of Cilium: by its own name, that of its release or that of its chart. */
export function isCiliumRelease({ metadata, spec }: HelmRelease): boolean {
  return [metadata?.name, spec?.releaseName, spec?.chart?.spec?.chart].includes("cilium");
}

/** The ConfigMap under which the HelmRelease finds the values, and the key in it. */
export const valuesConfigMap = { name: "cilium-zero-trust-values", key: "values.yaml" } as const;
