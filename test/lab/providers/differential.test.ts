import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeObject, manifestsOf, type KubernetesObject } from "../../../components/kubernetes";
import { transitionOf, transitions } from "../../support/stacks";
import type { Driver, Resource } from "./driver";
import { startHarness, type Harness } from "./harness";
import { at, isFields, type Fields } from "./values";

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

type Mutation = readonly [name: string, kind: RegExp, mutate: (object: Fields) => Fields];

const set = (path: readonly string[], value: unknown) => (object: Fields) => changed(object, path, () => value);
const mutations: readonly Mutation[] = [
  ["nothing changes", /./, (object) => object],
  ["a label comes", /./, set(["metadata", "labels", "example.com/more"], "1")],
  [
    "a label goes",
    /^(?!CustomResourceDefinition)/,
    set(["metadata", "labels", "app.kubernetes.io/managed-by"], undefined),
  ],
  ["an annotation comes", /./, set(["metadata", "annotations", "example.com/more"], "1")],
  ["data changes", /^ConfigMap/, (object) => changed(object, ["data", firstKey(object["data"])], () => "changed")],
  ["data goes", /^ConfigMap/, (object) => changed(object, ["data", firstKey(object["data"])], () => undefined)],
  ["data comes", /^ConfigMap/, set(["data", "more.conf"], "1")],
  ["the service's name changes", /^StatefulSet/, set(["spec", "serviceName"], "other")],
  ["pods are managed otherwise", /^StatefulSet/, set(["spec", "podManagementPolicy"], "Parallel")],
  ["a replica comes", /^StatefulSet/, set(["spec", "replicas"], 2)],
  [
    "the selector changes",
    /^(StatefulSet|DaemonSet|Deployment)/,
    (object) => {
      const both = set(["spec", "selector", "matchLabels", "more"], "1")(object);
      return set(["spec", "template", "metadata", "labels", "more"], "1")(both);
    },
  ],
  [
    "the image changes",
    /^(StatefulSet|DaemonSet|Deployment)/,
    (object) => eachContainer(object, () => ({ image: "other:1" })),
  ],
  [
    "a container gets a variable",
    /^(StatefulSet|DaemonSet|Deployment)/,
    (object) => eachContainer(object, () => ({ env: [{ name: "A", value: "1" }] })),
  ],
  [
    "a quantity is written otherwise",
    /^(StatefulSet|DaemonSet|Deployment)/,
    (object) => eachContainer(object, ({ resources }) => ({ resources: rewritten(resources) })),
  ],
  [
    "the grace period changes",
    /^(StatefulSet|DaemonSet|Deployment)/,
    set(["spec", "template", "spec", "terminationGracePeriodSeconds"], 7),
  ],
  [
    "claims get another size",
    /^StatefulSet/,
    (object) =>
      changed(object, ["spec", "volumeClaimTemplates"], (claims) =>
        Array.isArray(claims)
          ? (claims as Fields[]).map(set(["spec", "resources", "requests", "storage"], "77Gi"))
          : claims,
      ),
  ],
  [
    "a port changes",
    /^Service /,
    (object) =>
      changed(object, ["spec", "ports"], (ports) => (ports as Fields[]).map((port) => ({ ...port, port: 4444 }))),
  ],
  ["the address changes", /^Service /, set(["spec", "clusterIP"], "10.96.77.77")],
  ["the role is another", /^(Cluster)?RoleBinding/, set(["roleRef", "name"], "other")],
  ["a rule goes", /^(Cluster)?Role /, (object) => changed(object, ["rules"], (rules) => (rules as unknown[]).slice(1))],
  ["its rules go", /^CiliumNetworkPolicy/, set(["spec", "ingress"], [])],
  [
    "it asks for no authentication",
    /^CiliumNetworkPolicy/,
    (object) =>
      changed(object, ["spec", "ingress"], (rules) =>
        Array.isArray(rules) ? (rules as Fields[]).map(({ authentication: _, ...rule }) => rule) : rules,
      ),
  ],
];

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
    spawnSync("kubectl", ["--kubeconfig", harness.lab.kubeconfig, ...args, ...options], {
      input: JSON.stringify(object),
      encoding: "utf8",
    });
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

/** With the value at a path changed; undefined takes it away. */
function changed(object: unknown, [key, ...rest]: readonly string[], change: (value: unknown) => unknown): Fields {
  const { [key ?? ""]: value, ...others } = isFields(object) ? object : {};
  const next = rest.length === 0 ? change(value) : changed(value, rest, change);
  return next === undefined ? others : { ...others, [key ?? ""]: next };
}

const firstKey = (value: unknown) => (isFields(value) ? (Object.keys(value)[0] ?? "") : "");

function eachContainer(object: Fields, change: (container: Fields) => Fields): Fields {
  return changed(object, ["spec", "template", "spec", "containers"], (containers) =>
    (containers as Fields[]).map((container) => ({ ...container, ...change(container) })),
  );
}

/** CPU in other words: `100m` is `0.1`. */
function rewritten(resources: unknown): unknown {
  const cpu = at(resources, "requests", "cpu");
  const [, thousandths] = /^(\d+)m$/.exec(typeof cpu === "string" ? cpu : "") ?? [];
  return thousandths === undefined
    ? resources
    : changed(resources, ["requests", "cpu"], () => String(Number(thousandths) / 1000));
}
