import { expect } from "vitest";
import { spireArgs } from "../../../plan/args";
import { describeObject, type KubernetesObject } from "../../../core/util/kubernetes";
import { plan } from "../../../plan/plan";
import type { Previous } from "../../../core/rollout/state";
import type { ManagedSpire } from "../../../components/spire/settings";
import { configOf, transitionOf } from "../../support/stacks";

/** What the component Spire plans for the stack apps, with assignments as `--set` takes them. */
export function spireObjectsOf(...assignments: string[]): KubernetesObject[] {
  const { plan } = transitionOf("apps", { from: "on", auth: true }, assignments);
  const spire = plan.components.find(({ kind }) => kind === "Spire") ?? expect.fail("no SPIRE is planned");
  return spire.objects.map(({ manifest }) => manifest);
}

/** What it is made from. */
export function spireArgsOf(...assignments: string[]): ManagedSpire {
  const { config, previous } = transitionOf("apps", { from: "on", auth: true }, assignments);
  const args = spireArgs(config, previous);
  return args?.install === "managed" ? args : expect.fail("no SPIRE is planned");
}

/** What the component Spire plans for a stack in one update of several, and what that update records. */
export function spireUpdate(stack: "apps" | "infra", assignments: readonly string[], previous: Previous) {
  const { components, outputs } = plan(configOf(stack, ...assignments), previous);
  const spire = components.find(({ kind }) => kind === "Spire") ?? expect.fail("no SPIRE is planned");
  return { objects: spire.objects.map(({ manifest }) => manifest), state: outputs.rollout };
}

/** A configuration file in a rendered ConfigMap. */
export function fileOf(objects: readonly KubernetesObject[], configMap: string, key: string): object {
  const found = objects.find((object) => describeObject(object) === configMap) ?? expect.fail(configMap);
  return JSON.parse((found["data"] as Record<string, string>)[key] ?? "") as object;
}

/** The authorities in a bundle in SPIFFE's format, sorted. */
export function authoritiesOf(bundle: string | undefined): string[] {
  const { keys } = JSON.parse(bundle ?? '{"keys":[]}') as { keys: { x5c?: string[] }[] };
  return keys.flatMap(({ x5c = [] }) => x5c).sort();
}

/** A static entry of somebody else's, to see whether the controller-manager reconciles: `spiffe://apps.zt.internal/<name>`. */
export function staticEntry(name: string): KubernetesObject {
  return {
    apiVersion: "spire.spiffe.io/v1alpha1",
    kind: "ClusterStaticEntry",
    metadata: { name },
    spec: {
      spiffeID: `spiffe://apps.zt.internal/${name}`,
      parentID: "spiffe://apps.zt.internal/ns/spire/sa/spire-agent",
      selectors: ["unix:uid:0"],
    },
  };
}

/** A Secret of the user's in SPIRE's namespace. */
export const secret = (name: string, stringData: Readonly<Record<string, string>>): KubernetesObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace: "spire" },
  stringData,
});
