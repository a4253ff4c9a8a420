import { dump, load } from "js-yaml";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { read, written } from "../../../core/util/kubernetesYaml";

describe("YAML as helm and kubectl read it", () => {
  // What go.yaml.in/yaml/v2 makes of them; test/lab/engine/release.test.ts asks helm itself.
  test.each<[text: string, value: unknown]>([
    ["no", false],
    ["Off", false],
    ["y", true],
    ["on", true],
    ["nO", "nO"],
    ["yes please", "yes please"],
    ["010", 8],
    ["-0o17", -15],
    ["0x1F", 31],
    ["0b101", 5],
    ["08", 8],
    ["1_000", 1000],
    ["1_", 1],
    ["_1", "_1"],
    ["-.5", -0.5],
    ["1e3", 1000],
    ["-0", 0],
    ["12:30", "12:30"],
    ["2026-12-01", "2026-12-01"],
    ["9007199254740993", 9007199254740992],
    ["~", null],
    ["", null],
    ["'no'", "no"],
  ])("%j is %j", (text, value) => {
    expect(load(`a: ${text}`, { schema: read })).toEqual({ a: value });
  });

  test("takes in other objects by <<, and refuses what JSON has not", () => {
    expect(load("a: &a { b: 1 }\nc: { <<: *a, d: 2 }", { schema: read })).toMatchObject({ c: { b: 1, d: 2 } });
    expect(() => load("a: .inf", { schema: read })).toThrow("has .inf, which JSON does not have");
  });

  test("is written so that every text is read as the same text, and every number as the same number", () => {
    const tricky = fc.oneof(fc.stringMatching(/^[-+]?[0-9_.xobeE]{1,6}$/), fc.constantFrom("no", "Y", "<<", "~", ""));
    // Without -0.
    const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
    const value = fc.oneof(tricky, fc.string(), fc.boolean(), fc.maxSafeInteger(), json);
    fc.assert(
      fc.property(value, tricky, (value, key) => {
        expect(load(dump({ [key]: value }, { schema: written }), { schema: read })).toEqual({ [key]: value });
      }),
      { numRuns: 1000 },
    );
  });
});
