import { delimiter, dirname, join } from "node:path";
import { mkdirSync } from "node:fs";
import { LocalWorkspace, type Stack } from "@pulumi/pulumi/automation";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { clusterProvider } from "../../../components/cluster";
import { owned, type KubernetesObject } from "../../../components/kubernetes";
import { registerObjects } from "../../../components/register";
import { configOf } from "../../support/stacks";
import { pulumiProgram } from "../../../lab/pulumi";
import { startHarness, type Harness } from "./harness";
import { makesFaults } from "./install";
import { at, type Fields } from "./values";

// The providers under the real engine, with this project's own provider resource and registration.

let harness: Harness;
let stack: Stack;
let count = 0;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness?.stop());

const background = { "pulumi.com/deletionPropagationPolicy": "background" };
const configMap = (name: string, data: Fields): KubernetesObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: `stack-${count}`, annotations: { ...owned("test").annotations, ...background } },
  data,
});

/** The stack's program: objects, each after the one before it, and a password. */
let objects: readonly KubernetesObject[] = [];
// eslint-disable-next-line @typescript-eslint/require-await -- The engine wants a promise of the outputs.
async function program() {
  const provider = clusterProvider(configOf("apps").cluster);
  const parent = new pulumi.ComponentResource("zero-trust:test:Objects", "objects", {}, { provider });
  registerObjects(
    parent,
    objects.map((manifest, index) => {
      const before = objects[index - 1]?.metadata.name;
      return { name: manifest.metadata.name, manifest, after: before === undefined ? [] : [before], keep: false };
    }),
  );
  const password = new Password("password", { length: 20 });
  return { password: password.result };
}

class Password extends pulumi.CustomResource {
  declare readonly result: pulumi.Output<string>;
  constructor(name: string, args: { length: number }) {
    super("random:index/randomPassword:RandomPassword", name, { ...args, result: undefined });
  }
}

beforeEach(async () => {
  count++;
  harness.lab.kubectl(["create", "namespace", `stack-${count}`]);
  const state = join(harness.directory, `state-${count}`);
  mkdirSync(state);
  stack = await LocalWorkspace.createStack(
    { projectName: "zero-trust", stackName: "apps", program },
    {
      envVars: {
        PATH: [dirname(pulumiProgram()), harness.directory, process.env["PATH"]].join(delimiter),
        KUBECONFIG: harness.lab.kubeconfig,
        PULUMI_BACKEND_URL: `file://${state}?metadata=skip`,
        PULUMI_HOME: join(harness.directory, "home"),
        PULUMI_CONFIG_PASSPHRASE: "test",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      },
    },
  );
});

/** Runs an operation with a fault. */
async function withFault<T>(fault: Readonly<Record<string, string>>, operate: () => Promise<T>): Promise<T> {
  const before = stack.workspace.envVars;
  stack.workspace.envVars = { ...before, ...fault };
  try {
    return await operate();
  } finally {
    stack.workspace.envVars = before;
  }
}
/** Faults are ours alone. */
const ours = test.skipIf(!makesFaults);
const dataOf = (name: string) => harness.live(`configmap/${name} --namespace=stack-${count}`)["data"];
const changes = (summary: { resourceChanges?: object }) => summary.resourceChanges;

test("an update makes the objects, a second one changes nothing and keeps the password, and a destroy takes them away", async () => {
  objects = [configMap("one", { a: "1" }), configMap("two", { a: "1" })];
  expect((await stack.preview()).changeSummary).toMatchObject({ create: 6 });
  expect(() => dataOf("one")).toThrow(/not found/);
  const first = await stack.up();
  expect(dataOf("two")).toEqual({ a: "1" });
  expect(first.outputs["password"]?.secret).toBe(true);
  expect(first.outputs["password"]?.value).toMatch(/^.{20}$/);
  const second = await stack.up();
  expect(changes(second.summary)).toEqual({ same: 6 });
  expect(second.outputs["password"]?.value).toBe(first.outputs["password"]?.value);
  await stack.destroy();
  expect(() => dataOf("one")).toThrow(/not found/);
});

test("a change is an update in place, in the preview and in fact; what has drifted is seen by a refresh and repaired", async () => {
  objects = [configMap("one", { a: "1" })];
  await stack.up();
  objects = [configMap("one", { a: "2" })];
  expect((await stack.preview()).changeSummary).toEqual({ same: 4, update: 1 });
  expect(changes((await stack.up()).summary)).toEqual({ same: 4, update: 1 });
  harness.lab.kubectl([
    "patch",
    "configmap/one",
    `--namespace=stack-${count}`,
    "--type=merge",
    '--patch={"data":{"a":"drift"}}',
  ]);
  expect(changes((await stack.up()).summary)).toEqual({ same: 5 });
  expect(changes((await stack.refresh()).summary)).toMatchObject({ update: 1 });
  await stack.up();
  expect(dataOf("one")).toEqual({ a: "2" });
});

test("an object that somebody else has made otherwise stops the update", async () => {
  const there = configMap("one", { a: "theirs" });
  harness.lab.kubectl(["create", "--filename=-"], JSON.stringify(there));
  objects = [configMap("one", { a: "ours" })];
  await expect(stack.up()).rejects.toThrow(/conflict with "kubectl-create"/);
  expect(dataOf("one")).toEqual({ a: "theirs" });
});

test("a workload that does not become ready fails the update, and the next one waits for it again without a change", async () => {
  const labels = { app: "server" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "server", image: "server:1" }] } };
  const metadata = {
    ...configMap("server", {}).metadata,
    annotations: { ...background, "pulumi.com/timeoutSeconds": "1" },
  };
  const spec = { serviceName: "server", selector: { matchLabels: labels }, template };
  objects = [{ apiVersion: "apps/v1", kind: "StatefulSet", metadata, spec }, configMap("after", {})];
  await expect(stack.up()).rejects.toThrow(/not ready/);
  expect(() => dataOf("after")).toThrow(/not found/);
  await expect(stack.up()).rejects.toThrow(/not ready/);
  const counts = { observedGeneration: 1, replicas: 1, readyReplicas: 1, currentReplicas: 1 };
  const status = JSON.stringify({ status: counts });
  const patch = ["--subresource=status", "--type=merge", `--patch=${status}`];
  harness.lab.kubectl(["patch", "statefulset/server", `--namespace=stack-${count}`, ...patch]);
  await stack.up();
  expect(dataOf("after")).toBeUndefined();
  expect(at(harness.live(`statefulset/server --namespace=stack-${count}`), "metadata", "generation")).toBe(1);
});

ours(
  "a fault before a change leaves it undone, a fault after it leaves it done, and the next update converges",
  async () => {
    objects = [configMap("one", { a: "1" }), configMap("two", { a: "1" })];
    await stack.up();
    objects = [configMap("one", { a: "2" }), configMap("two", { a: "2" })];
    await expect(withFault({ ZT_FAIL: "one" }, () => stack.up())).rejects.toThrow(/a fault was asked for before one/);
    expect([dataOf("one"), dataOf("two")]).toEqual([{ a: "1" }, { a: "1" }]);
    await expect(withFault({ ZT_FAIL_AFTER: "one" }, () => stack.up())).rejects.toThrow(
      /a fault was asked for after one/,
    );
    expect([dataOf("one"), dataOf("two")]).toEqual([{ a: "2" }, { a: "1" }]);
    await stack.up();
    expect(dataOf("two")).toEqual({ a: "2" });
  },
);

ours("an engine that is killed at a change goes on from there once its lock is gone", async () => {
  objects = [configMap("one", { a: "1" }), configMap("two", { a: "1" })];
  await stack.up();
  objects = [configMap("one", { a: "2" }), configMap("two", { a: "2" })];
  await expect(withFault({ ZT_KILL_AFTER: "one" }, () => stack.up())).rejects.toThrow();
  expect([dataOf("one"), dataOf("two")]).toEqual([{ a: "2" }, { a: "1" }]);
  await stack.cancel();
  await stack.up();
  expect(dataOf("two")).toEqual({ a: "2" });
});

ours(
  "an engine that is killed after a create goes on with the object that is there already, also to other contents",
  async () => {
    objects = [configMap("one", { a: "1" })];
    await expect(withFault({ ZT_KILL_AFTER: "one" }, () => stack.up())).rejects.toThrow();
    const { uid } = harness.live(`configmap/one --namespace=stack-${count}`)["metadata"] as { uid: string };
    await stack.cancel();
    objects = [configMap("one", { a: "2" })];
    await stack.up();
    expect(harness.live(`configmap/one --namespace=stack-${count}`)).toMatchObject({
      metadata: { uid },
      data: { a: "2" },
    });
  },
);
