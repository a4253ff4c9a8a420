import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stackFacts } from "../../policy/facts/stackFacts";
import { configOf } from "../support/stacks";

let directory: string;
const file = () => join(directory, "rollout", "apps", "orders.yaml");
const faults = () => stackFacts(directory, "apps", configOf("apps")).evidence?.("orders");
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "zero-trust-facts-"));
  mkdirSync(join(directory, "rollout", "apps"), { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a namespace without a file has no evidence, and is told what writes it", () => {
  expect(faults()).toEqual([
    expect.stringMatching(/^there is no evidence for orders; npm run verify -- --stack apps --namespace orders/),
  ]);
});

test("whatever is the matter with the file is a fault of the evidence, and stops nothing else", () => {
  writeFileSync(file(), "a: [");
  expect(faults()).toEqual([expect.stringMatching(/orders\.yaml is not YAML/)]);
  writeFileSync(file(), "a: 1");
  expect(faults()).toEqual([expect.stringMatching(/orders\.yaml is no evidence/)]);
  rmSync(file());
  mkdirSync(file());
  expect(faults()).toEqual([expect.stringMatching(/^its evidence cannot be read: EISDIR/)]);
});
