import { expect } from "vitest";
import { describeObject, type KubernetesObject, type PlannedObject } from "../../../core/util/kubernetes";
import { plan } from "../../../plan/plan";
import { configOf } from "../../support/stacks";

/** What is planned for the stack apps, new, with assignments as `--set` takes them. */
export const objectsWith = (assignments: readonly string[]): PlannedObject[] =>
  plan(configOf("apps", ...assignments), {}).components.flatMap(({ objects }) => objects);

/** The one of a kind and name, as `ConfigMap spire/spire-server`; undefined where there is none. */
export const find = (assignments: readonly string[], name: string): PlannedObject | undefined =>
  objectsWith(assignments).find(({ manifest }) => describeObject(manifest) === name);

/** Its manifest; fails the test where there is none. */
export const manifestOf = (assignments: readonly string[], name: string): KubernetesObject =>
  find(assignments, name)?.manifest ?? expect.fail(name);

/** A configuration file in a ConfigMap of SPIRE's, `spire-server` or `spire-agent`. */
export function fileOf(assignments: readonly string[], configMap: string, key: string): unknown {
  const { data } = manifestOf(assignments, `ConfigMap spire/${configMap}`) as unknown as {
    data: Record<string, string>;
  };
  return JSON.parse(data[key] ?? "");
}
