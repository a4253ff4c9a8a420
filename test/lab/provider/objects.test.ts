import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { InitFailed, type Driver, type Resource } from "./driver";
import { startHarness, type Harness } from "./harness";
import { at, type Fields } from "./values";

let harness: Harness;
let driver: Driver;
beforeAll(async () => {
  harness = await startHarness();
  driver = await harness.provider();
});
afterAll(() => harness?.stop());
afterEach(() => {
  const kinds = "configmap,secret,service,statefulset,persistentvolumeclaim";
  harness.lab.kubectl(["delete", kinds, "--all", "--namespace=default"]);
});

const configMapType = "kubernetes:core/v1:ConfigMap";
/** In the background, since no controller here deletes dependents first. */
const background = { "pulumi.com/deletionPropagationPolicy": "background" };
const configMap = (data: Fields, annotations: Fields = background): Fields => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings", namespace: "default", annotations },
  data,
});
const statefulSetType = "kubernetes:apps/v1:StatefulSet";
const statefulSet = (image: string, annotations: Fields = {}): Fields => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "server", namespace: "default", annotations: { ...background, ...annotations } },
  spec: {
    serviceName: "server",
    selector: { matchLabels: { app: "server" } },
    template: {
      metadata: { labels: { app: "server" } },
      spec: { containers: [{ name: "server", image, resources: { requests: { cpu: "0.1", memory: "1024Mi" } } }] },
    },
  },
});
const live = (what: string) => harness.live(what);
const kubectl = (...args: string[]) => harness.lab.kubectl(args);

/** What the provider made, though it says that it is not ready. */
async function unfinished(operation: Promise<unknown>): Promise<{ message: string; resource: Resource }> {
  const error = await operation.then(
    () => expect.fail("it is ready"),
    (error: unknown) => error,
  );
  if (!(error instanceof InitFailed)) throw error;
  return error;
}

test("check puts an object without a namespace into the default one, and an object of a kind without namespaces into none", async () => {
  const { metadata: _, ...rest } = configMap({});
  const { inputs } = await driver.check(configMapType, { ...rest, metadata: { name: "settings" } });
  expect(inputs["metadata"]).toMatchObject({ name: "settings", namespace: "default" });
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "reader" } };
  const checked = await driver.check("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", role);
  expect(at(checked.inputs, "metadata", "namespace")).toBeUndefined();
});

describe("a create makes the object, and where it is there already,", () => {
  test("is a conflict with the manager that wrote another value, unless it is forced", async () => {
    const theirs = JSON.stringify(configMap({ level: "theirs" }));
    harness.lab.kubectl(["apply", "--server-side", "--field-manager=flux", "--filename=-"], theirs);
    const wanted = configMap({ level: "debug" });
    await expect(driver.create(configMapType, wanted)).rejects.toThrow(/conflict with "flux"/);
    expect(live("configmap/settings")["data"]).toEqual({ level: "theirs" });
    await driver.create(
      configMapType,
      configMap({ level: "debug" }, { ...background, "pulumi.com/patchForce": "true" }),
    );
    expect(live("configmap/settings")["data"]).toEqual({ level: "debug" });
  });

  test("is an update of what was made under the same field manager", async () => {
    const own = { ...background, "pulumi.com/patchFieldManager": "ours" };
    await driver.create(configMapType, configMap({ level: "info" }, own));
    await driver.create(configMapType, configMap({ level: "debug" }, own));
    expect(live("configmap/settings")["data"]).toEqual({ level: "debug" });
    await expect(driver.create(configMapType, configMap({ level: "info" }))).rejects.toThrow(/conflict with "ours"/);
  });
});

test("a preview changes nothing, and shows what the API server would refuse", async () => {
  await driver.create(configMapType, configMap({}), { preview: true });
  expect(() => live("configmap/settings")).toThrow(/not found/);
  const bad = configMap({ level: 3 });
  await expect(driver.create(configMapType, bad, { preview: true })).rejects.toThrow(/expected string/);
  const made = await driver.create(configMapType, configMap({ level: "info" }));
  await driver.update(configMapType, made, configMap({ level: "debug" }), { preview: true });
  expect(live("configmap/settings")["data"]).toEqual({ level: "info" });
});

test("a preview of a create passes where the object is there already, or its namespace or its kind is made by the same update", async () => {
  await driver.create(configMapType, configMap({}));
  await driver.create(configMapType, configMap({ level: "debug" }), { preview: true });
  const elsewhere = { ...configMap({}), metadata: { name: "settings", namespace: "later" } };
  await driver.create(configMapType, elsewhere, { preview: true });
  const unknown = { apiVersion: "example.com/v1", kind: "Later", metadata: { name: "one" } };
  await driver.create("kubernetes:example.com/v1:Later", unknown, { preview: true });
});

test("a wrong value in a policy of Cilium fails in a preview", async () => {
  const type = "kubernetes:cilium.io/v2:CiliumNetworkPolicy";
  const policy = (mode: string) => ({
    apiVersion: "cilium.io/v2",
    kind: "CiliumNetworkPolicy",
    metadata: { name: "checkout", namespace: "default" },
    spec: { endpointSelector: {}, ingress: [{ authentication: { mode } }] },
  });
  await driver.create(type, policy("required"), { preview: true });
  await expect(driver.create(type, policy("requird"), { preview: true })).rejects.toThrow(/Unsupported value/);
});

test("an update applies the change in place, and takes away what is no longer asked for", async () => {
  const made = await driver.create(configMapType, configMap({ level: "info", old: "1" }));
  const { uid } = live("configmap/settings")["metadata"] as { uid: string };
  const updated = await driver.update(configMapType, made, configMap({ level: "debug" }));
  expect(live("configmap/settings")).toMatchObject({ data: { level: "debug" }, metadata: { uid } });
  expect(live("configmap/settings")["data"]).not.toHaveProperty("old");
  expect(await driver.diff(configMapType, updated, configMap({ level: "debug" }))).toMatchObject({ changed: false });
});

test("an update of a field that another manager holds is a conflict that names it, and the next update sees the difference still", async () => {
  const made = await driver.create(configMapType, configMap({ level: "info" }));
  const theirs = JSON.stringify(configMap({ level: "theirs" }));
  harness.lab.kubectl(["apply", "--server-side", "--force-conflicts", "--field-manager=flux", "--filename=-"], theirs);
  const wanted = configMap({ level: "debug" });
  const { message, resource } = await unfinished(driver.update(configMapType, made, wanted));
  expect(message).toMatch(/conflict with "flux"/);
  expect(live("configmap/settings")["data"]).toEqual({ level: "theirs" });
  expect(await driver.diff(configMapType, resource, wanted)).toMatchObject({ changed: true, paths: ["data.level"] });
});

test("an update takes over what kubectl has changed", async () => {
  const made = await driver.create(configMapType, configMap({ level: "info" }));
  kubectl("patch", "configmap/settings", "--type=merge", "--patch", '{"data":{"level":"by hand","more":"1"}}');
  await driver.update(configMapType, made, configMap({ level: "debug" }));
  expect(live("configmap/settings")["data"]).toEqual({ level: "debug" });
});

test("read finds what has drifted, in the shape of what was asked for, and an empty id for what is gone", async () => {
  const made = await driver.create(configMapType, configMap({ level: "info" }));
  kubectl("patch", "configmap/settings", "--type=merge", "--patch", '{"data":{"level":"by hand","more":"1"}}');
  const found = await driver.read(configMapType, made);
  expect(found.inputs).toEqual(configMap({ level: "by hand" }));
  expect(await driver.diff(configMapType, found, made.inputs)).toMatchObject({ changed: true, paths: ["data.level"] });
  kubectl("delete", "configmap/settings");
  expect((await driver.read(configMapType, made)).id).toBe("");
});

test("delete waits until the object is gone, and is content when it was gone before", async () => {
  const made = await driver.create(configMapType, configMap({}));
  await driver.delete(configMapType, made);
  expect(() => live("configmap/settings")).toThrow(/not found/);
  await driver.delete(configMapType, made);
});

test("delete lets what depends on the object go first, unless it says otherwise, and fails when it is not gone in time", async () => {
  const made = await driver.create(configMapType, configMap({}, {}));
  const deleted = driver.delete(configMapType, made, { timeout: 1 });
  await expect(deleted).rejects.toThrow(/timed out waiting for the condition/);
  const release = JSON.stringify([{ op: "remove", path: "/metadata/finalizers" }]);
  const rest = driver.delete(configMapType, made);
  kubectl("patch", "configmap/settings", "--type=json", "--patch", release);
  await rest;
});

test("a workload that does not become ready in time is recorded as made, and the next update waits again", async () => {
  const asked = statefulSet("server:1", { "pulumi.com/timeoutSeconds": "1" });
  const { message, resource } = await unfinished(driver.create(statefulSetType, asked));
  expect(message).toMatch(/'server' timed out waiting to be Ready; 0 out of 1 replicas/);
  expect(resource.id).toBe("default/server");
  expect((await unfinished(driver.update(statefulSetType, resource, asked))).message).toMatch(
    /timed out waiting to be Ready/,
  );
  expect((await unfinished(driver.read(statefulSetType, resource))).resource.id).toBe(resource.id);
});

test("a workload is awaited until its controller says that it runs, and not at all where an annotation says so", async () => {
  const made = driver.create(statefulSetType, statefulSet("server:1"));
  const counts = { observedGeneration: 1, replicas: 1, readyReplicas: 1, currentReplicas: 1 };
  const patch = JSON.stringify({ status: { ...counts, currentRevision: "a", updateRevision: "a" } });
  const report = () => kubectl("patch", "statefulset/server", "--subresource=status", "--type=merge", "--patch", patch);
  await expect.poll(() => live("statefulset/server")["kind"]).toBe("StatefulSet");
  report();
  const ready = await made;
  expect(at(ready.state, "status", "readyReplicas")).toBe(1);
  await driver.update(statefulSetType, ready, statefulSet("server:2", { "pulumi.com/skipAwait": "true" }));
});

test("a StatefulSet whose fixed fields change is replaced, the old one first; its template is updated", async () => {
  const asked = statefulSet("server:1", { "pulumi.com/skipAwait": "true" });
  const made = await driver.create(statefulSetType, asked);
  expect(await driver.diff(statefulSetType, made, asked)).toMatchObject({ changed: false });
  const renamed = { ...asked, spec: { ...(asked["spec"] as Fields), serviceName: "other" } };
  expect(await driver.diff(statefulSetType, made, renamed)).toEqual({
    changed: true,
    replaces: ["spec.serviceName"],
    deleteBeforeReplace: true,
    paths: ["spec.serviceName"],
  });
  const newer = statefulSet("server:2", { "pulumi.com/skipAwait": "true" });
  expect(await driver.diff(statefulSetType, made, newer)).toMatchObject({
    replaces: [],
    paths: ["spec.template.spec.containers[0].image"],
  });
});

test("a ConfigMap's data is fixed unless the provider may change it", async () => {
  const made = await driver.create(configMapType, configMap({ level: "info" }));
  const strict = await harness.provider({ enableConfigMapMutable: "false" });
  expect(await strict.diff(configMapType, made, configMap({ level: "debug" }))).toMatchObject({
    replaces: ["data.level"],
    deleteBeforeReplace: true,
  });
  expect(await driver.diff(configMapType, made, configMap({ level: "debug" }))).toMatchObject({ replaces: [] });
});

test("a definition of a custom resource is awaited as its annotation asks, and its objects are made at once after", async () => {
  const type = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition";
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  const definition = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "lamps.example.com", annotations: { "pulumi.com/waitFor": "condition=Established" } },
    spec: {
      group: "example.com",
      scope: "Cluster",
      names: { kind: "Lamp", plural: "lamps" },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
  const { inputs } = await driver.check(type, definition);
  const lamp = { apiVersion: "example.com/v1", kind: "Lamp", metadata: { name: "one" } };
  const checked = await driver.check("kubernetes:example.com/v1:Lamp", lamp);
  expect(checked.inputs).toEqual(lamp);
  const made = await driver.create(type, inputs);
  const conditions = at(made.state, "status", "conditions") as { type: string; status: string }[];
  expect(conditions).toContainEqual(expect.objectContaining({ type: "Established", status: "True" }));
  expect((await driver.create("kubernetes:example.com/v1:Lamp", checked.inputs)).id).toBe("one");
});

test("a patch adds its fields to an object that somebody else made, under its own manager; given up, it takes them away and leaves the object", async () => {
  kubectl("create", "namespace", "patched");
  kubectl("label", "namespace", "patched", "team=shop");
  const type = "kubernetes:core/v1:NamespacePatch";
  const inputs: Fields = {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: "patched",
      labels: { "istio-injection": "enabled" },
      annotations: { "pulumi.com/patchFieldManager": "zero-trust-mesh" },
    },
  };
  const labels = () => at(live("namespace/patched"), "metadata", "labels");
  const resource = await driver.create(type, inputs);
  expect(labels()).toMatchObject({ team: "shop", "istio-injection": "enabled" });
  await driver.delete(type, resource);
  expect(labels()).toMatchObject({ team: "shop" });
  expect(labels()).not.toHaveProperty("istio-injection");
});
