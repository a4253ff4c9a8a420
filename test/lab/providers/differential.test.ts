import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeObject, manifestsOf, type KubernetesObject } from "../../../components/kubernetes";
import { spawnKubectl } from "../../../lab/kubectl";
import { transitionOf, transitions } from "../../support/stacks";
import type { Driver, Resource } from "./driver";
import { startHarness, type Harness } from "./harness";
import { changed, mutations, type Mutation } from "./mutations";
import { at, type Fields } from "./values";

// What our provider says and makes, against kubectl and the API server, for the objects that the stack apps has and for what may happen to them.

let harness: Harness;
let driver: Driver;
beforeAll(async () => {
  harness = await startHarness();
  driver = await harness.provider();
});
afterAll(() => harness?.stop());

/** Nothing becomes ready here, where no controllers are, and nothing is asked about it. */
const unawaited = (object: KubernetesObject): KubernetesObject => {
  const annotations = { ...object.metadata.annotations, "pulumi.com/skipAwait": "true" };
  return { ...object, metadata: { ...object.metadata, annotations } };
};

/** The objects of every transition of the stack apps, by what they are; of one that has several forms, all. */
const forms = new Map<string, KubernetesObject[]>();
for (const transition of transitions)
  for (const object of manifestsOf(transitionOf("apps", transition).plan.components).map(unawaited)) {
    const known = forms.get(describeObject(object)) ?? [];
    if (!known.some((other) => JSON.stringify(other) === JSON.stringify(object))) known.push(object);
    forms.set(describeObject(object), known);
  }

describe.each([...forms])("%s", (name, [first, ...others]) => {
  const object = first as KubernetesObject;
  const type = typeOf(object);
  let resource: Resource;
  let made: Fields;
  let byKubectl: Fields;
  beforeAll(async () => {
    const { namespace } = object.metadata;
    const dryRun = ["apply", "--server-side", "--dry-run=server", "--output=json", "--filename=-"];
    if (namespace !== undefined) ensureNamespace(namespace);
    byKubectl = JSON.parse(harness.lab.kubectl(dryRun, JSON.stringify(object))) as Fields;
    const { inputs } = await driver.check(type, object);
    const created = await driver.create(type, inputs);
    made = harness.live(whereIs(object));
    // An update without a change: from here on its fields are applied ones, as kubectl's would be.
    resource = await driver.update(type, created, inputs);
  });

  test("is made as kubectl would make it", () => {
    expect(essence(made)).toEqual(essence(byKubectl));
  });

  test("is, right after, no different from what was asked for", async () => {
    expect(await driver.diff(type, resource, resource.inputs)).toMatchObject({ changed: false, paths: [] });
    expect((await driver.read(type, resource)).inputs).toEqual(resource.inputs);
  });

  const fitting = mutations.filter(([, kind]) => kind.test(name));
  const otherForms = others.map((other, index): Mutation => [`another update, ${index + 1}`, /./, () => other]);
  test.each([...fitting, ...otherForms])(
    "%s: it differs where kubectl says so, and is replaced where the API server refuses",
    async (_, __, mutate) => {
      const mutated = mutate(resource.inputs);
      const ours = await driver.diff(type, resource, mutated);
      const theirs = kubectlSays(mutated, String(resource.state["__fieldManager"]));
      expect({ changed: ours.changed }).toEqual({ changed: theirs !== "same" });
      if (theirs === "refused") expect(ours).toMatchObject({ deleteBeforeReplace: true });
      if (ours.replaces.length === 0) expect(theirs).not.toBe("refused");
    },
  );
});

function kubectlSays(object: Fields, fieldManager: string): "same" | "different" | "refused" {
  const options = ["--server-side", "--force-conflicts", `--field-manager=${fieldManager}`, "--filename=-"];
  const run = (args: readonly string[]) =>
    spawnKubectl(
      "kubectl",
      ["--kubeconfig", harness.lab.kubeconfig, ...args, ...options],
      process.env,
      JSON.stringify(object),
    );
  const { status, stderr } = run(["diff"]);
  if (status === 0) return "same";
  if (status === 1 && stderr === "") return "different";
  expect(stderr).toMatch(/immutable|may not change|cannot change|Forbidden: updates to statefulset spec/);
  return "refused";
}

function ensureNamespace(name: string): void {
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  harness.lab.kubectl(["apply", "--server-side", "--field-manager=harness", "--filename=-"], JSON.stringify(namespace));
}

/** Without what differs from one creation to the next. */
function essence(object: Fields): Fields {
  const fleeting = [
    ...["uid", "creationTimestamp", "resourceVersion", "generation", "managedFields"].map((key) => ["metadata", key]),
    ...(object["kind"] === "Service" && at(object, "spec", "clusterIP") !== "None" ? [["spec", "clusterIP"]] : []),
    ...(object["kind"] === "Service" ? [["spec", "clusterIPs"]] : []),
    ["status"],
  ];
  return fleeting.reduce((rest, path) => changed(rest, path, () => undefined), object);
}

function whereIs({ apiVersion, kind, metadata }: KubernetesObject): string {
  const group = apiVersion.includes("/") ? `.${apiVersion.split("/").reverse().join(".")}` : "";
  return `${kind}${group}/${metadata.name}${metadata.namespace ? ` --namespace=${metadata.namespace}` : ""}`;
}

function typeOf({ apiVersion, kind }: KubernetesObject): string {
  return `kubernetes:${apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`}:${kind}`;
}
