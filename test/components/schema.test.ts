import { expect, test } from "vitest";
import type { KubernetesObject } from "../../core/util/kubernetes";
import { schemaErrors } from "../support/schema";
import { stacks, transitionOf } from "../support/stacks";

const objectsOf = (stack: string, assignments: readonly string[] = []) =>
  transitionOf(stack, { from: "on", auth: true }, assignments).plan.components.flatMap(({ objects }) =>
    objects.map(({ manifest }) => manifest),
  );

const find = (kind: string): KubernetesObject =>
  objectsOf("apps").find((object) => object.kind === kind) ?? expect.fail(kind);

/** An object with one piece of its JSON replaced. */
const changed = (kind: string, from: string, to: string) => {
  const json = JSON.stringify(find(kind));
  expect(json).toContain(from);
  return JSON.parse(json.replace(from, to)) as KubernetesObject;
};

test.each(stacks)("every object of stack %s meets its schema, which forbids unknown fields", async (stack) => {
  expect(await schemaErrors(objectsOf(stack))).toEqual([]);
});

test.each([
  ["the servers' calls", "spire.egressPolicy=true", "spire.keyManager.awsKms.region=eu-central-1"],
  ["a lab's database", "spire.datastore.labPostgres={}", "spire.replicas=2"],
])("so does every object of the stack apps with a policy or parts for %s", async (_, ...assignments) => {
  expect(await schemaErrors(objectsOf("apps", assignments))).toEqual([]);
});

test.each([
  ["a misspelt authentication", changed("CiliumNetworkPolicy", '"authentication"', '"authentcation"'), "authentcation"],
  [
    "an authentication mode that Cilium has not",
    changed("CiliumNetworkPolicy", '"required"', '"mandatory"'),
    "authentication/mode",
  ],
  ["a misspelt field deep in a pod", changed("DaemonSet", '"hostPath"', '"hostpath"'), "hostpath"],
  ["a wrong type", changed("StatefulSet", '"replicas":1', '"replicas":"1"'), "string"],
  ["an entry without its parent", changed("ClusterStaticEntry", '"parentID"', '"parent"'), "parentID"],
])("%s is found", async (_, object, message) => {
  expect((await schemaErrors([object])).join("\n")).toContain(message);
});
