import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { buildTool } from "../../../tools/go";
import { InitFailed, type Driver } from "./driver";
import { startHarness, type Harness } from "./harness";
import type { Fields } from "./values";

const type = "kubernetes:helm.sh/v3:Release";
let harness: Harness;
let driver: Driver;
let chart: string;
beforeAll(async () => {
  harness = await startHarness();
  const path = [dirname(buildTool("helm")), process.env["PATH"]].join(delimiter);
  driver = await harness.provider({}, { PATH: path });
  chart = join(harness.directory, "chart");
  const file = (name: string, content: object | string) => {
    mkdirSync(dirname(join(chart, name)), { recursive: true });
    writeFileSync(join(chart, name), typeof content === "string" ? content : JSON.stringify(content));
  };
  file("Chart.yaml", { apiVersion: "v2", name: "lamp", version: "1.0.0" });
  file("values.yaml", { level: "info", work: false });
  const configMap =
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"lamp"},"data":{"level":"{{ .Values.level }}"}}';
  file("templates/config.yaml", configMap);
  const labels = { app: "lamp" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "lamp", image: "lamp:1" }] } };
  const spec = { selector: { matchLabels: labels }, template };
  const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "lamp" }, spec };
  file("templates/deployment.yaml", `{{ if .Values.work }}${JSON.stringify(deployment)}{{ end }}`);
});
afterAll(() => harness?.stop());
let namespace = "";
beforeEach(({ task }) => {
  namespace = `release-${task.id.replace(/[^a-z0-9]/g, "")}`;
  harness.lab.kubectl(["create", "namespace", namespace]);
});

const release = (values: Fields, more: Fields = {}): Fields => ({ name: "lamp", namespace, chart, values, ...more });
const live = (what: string) => harness.live(`${what} --namespace=${namespace}`);
const records = () =>
  (live("secret --selector=owner=helm")["items"] as { metadata: { labels: object } }[]).map(
    ({ metadata }) => metadata.labels,
  );

test("a release is made by helm, with its record, updated in place when its values change, and taken away with all of its objects", async () => {
  const made = await driver.create(type, release({ level: "debug" }));
  expect(live("configmap/lamp")["data"]).toEqual({ level: "debug" });
  expect(records()).toMatchObject([{ name: "lamp", status: "deployed", version: "1" }]);
  expect(await driver.diff(type, made, made.inputs)).toMatchObject({ changed: false });
  const wanted = release({ level: "warn" }, { maxHistory: 1 });
  expect(await driver.diff(type, made, wanted)).toMatchObject({ replaces: [], paths: ["maxHistory", "values"] });
  const updated = await driver.update(type, made, wanted);
  expect(live("configmap/lamp")["data"]).toEqual({ level: "warn" });
  expect(records()).toContainEqual(expect.objectContaining({ status: "deployed", version: "2" }));
  expect((await driver.read(type, updated)).inputs).toEqual(wanted);
  await driver.delete(type, updated);
  expect(() => live("configmap/lamp")).toThrow(/not found/);
  expect((await driver.read(type, updated)).id).toBe("");
});

test("a preview makes nothing, and a chart that is not there fails before", async () => {
  await driver.create(type, release({}), { preview: true });
  expect(() => live("configmap/lamp")).toThrow(/not found/);
  expect((await driver.check(type, release({}))).failures).toEqual([]);
  const { failures } = await driver.check(type, release({}, { chart: join(chart, "nowhere") }));
  expect(failures).toEqual([expect.stringMatching(/^chart: /)]);
});

test("an object that somebody else made stops a release", async () => {
  harness.lab.kubectl(["create", "configmap", "lamp", `--namespace=${namespace}`]);
  await expect(driver.create(type, release({}))).rejects.toThrow(/exists and cannot be imported/);
});

test("a release that is not ready in time is recorded as failed, and the next update tries again", async () => {
  const asked = release({ work: true }, { timeout: 2 });
  const failed = await driver.create(type, asked).then(
    () => expect.fail("it is ready"),
    (error: unknown) => error,
  );
  if (!(failed instanceof InitFailed)) throw failed;
  expect(failed.resource.id).toBe(`${namespace}/lamp`);
  expect(records()).toMatchObject([{ status: "failed", version: "1" }]);
  await driver.update(type, failed.resource, release({ work: false }));
  expect(records()).toContainEqual(expect.objectContaining({ status: "deployed", version: "2" }));
});
