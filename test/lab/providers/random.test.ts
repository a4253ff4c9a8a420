import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startProvider, type Driver } from "./driver";
import { installProviders } from "./install";
import type { Fields } from "./values";

const directory = mkdtempSync(join(tmpdir(), "zero-trust-"));
let driver: Driver;
beforeAll(async () => {
  installProviders(directory);
  driver = await startProvider(join(directory, "pulumi-resource-random"), {});
});
afterAll(async () => {
  await driver?.stop();
  rmSync(directory, { recursive: true });
});

const typeOf = (name: string) => `random:index/random${name}:Random${name}`;

test("a password has the length and the letters that were asked for, and is another each time", async () => {
  const switches = fc.record({
    lower: fc.boolean(),
    upper: fc.boolean(),
    numeric: fc.boolean(),
    special: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(switches, fc.integer({ min: 4, max: 64 }), async (given, length) => {
      fc.pre(Object.values(given).some(Boolean));
      const { state } = await driver.create(typeOf("Password"), { ...given, length, minLower: given.lower ? 2 : 0 });
      const result = state["result"] as string;
      expect(result).toHaveLength(length);
      if (given.lower) expect(result.replace(/[^a-z]/g, "").length).toBeGreaterThanOrEqual(2);
      else expect(result).not.toMatch(/[a-z]/);
      if (!given.upper) expect(result).not.toMatch(/[A-Z]/);
      if (!given.numeric) expect(result).not.toMatch(/\d/);
      if (!given.special) expect(result).toMatch(/^[a-zA-Z0-9]*$/);
    }),
  );
  const results = await Promise.all([1, 2].map(() => driver.create(typeOf("String"), { length: 20 })));
  expect(new Set(results.map(({ id }) => id)).size).toBe(2);
});

test("an id is its bytes, in every form", async () => {
  const { id, state } = await driver.create(typeOf("Id"), { byteLength: 8, prefix: "zt-" });
  const made = Buffer.from(id, "base64url");
  expect(made).toHaveLength(8);
  expect(state).toMatchObject({
    hex: `zt-${made.toString("hex")}`,
    b64Url: `zt-${id}`,
    dec: `zt-${BigInt(`0x${made.toString("hex")}`)}`,
  });
});

test("a value stays while what it is made of stays, also through a refresh, and is made anew otherwise", async () => {
  const inputs: Fields = { length: 20, keepers: { stack: "apps" } };
  const made = await driver.create(typeOf("Password"), inputs);
  expect(await driver.diff(typeOf("Password"), made, inputs)).toMatchObject({ changed: false });
  expect((await driver.read(typeOf("Password"), made)).state).toEqual(made.state);
  const other = { ...inputs, keepers: { stack: "infra" } };
  expect(await driver.diff(typeOf("Password"), made, other)).toMatchObject({ replaces: ["keepers"] });
});

test("a preview does not know the value yet, and a missing length is an error that names it", async () => {
  const { state } = await driver.create(typeOf("Password"), { length: 20 }, { preview: true });
  expect(state).not.toHaveProperty("result");
  expect((await driver.check(typeOf("Password"), {})).failures).toEqual(["length is missing"]);
  expect((await driver.check("random:index/randomPet:RandomPet", {})).failures).toEqual([
    expect.stringMatching(/RandomPet is not one of/),
  ]);
});
