import type { Release } from "../facts/facts";
import { recordOf, textOf } from "./values";

/** The value of a key of Cilium's chart, as `encryption.enabled`; undefined where it is not given, which leaves the chart's default. */
export function valueOf({ values }: Release, key: string): unknown {
  return key.split(".").reduce<unknown>((value, part) => recordOf(value)[part], values);
}

/** A value of Cilium's ConfigMap that the chart writes from nothing else: `extraConfig` also replaces what the chart writes itself (templates/cilium-configmap.yaml). */
export function extraOf({ values }: Release, key: string): string | undefined {
  const value = recordOf(recordOf(values)["extraConfig"])[key];
  return value === undefined || value === null ? undefined : textOf(value);
}

/** Where a key of Cilium's values is: `Values of kube-system/cilium encryption.enabled`. */
export const inValues = ({ name, namespace }: Release, key: string): string => `Values of ${namespace}/${name} ${key}`;
