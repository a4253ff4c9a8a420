import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dump } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stackOf } from "../../bench/stackFile";
import { loadConfig } from "../../config/load";

describe("a stack that has its intents in a file", () => {
  let directory: string;
  beforeAll(() => (directory = mkdtempSync(join(tmpdir(), "zero-trust-"))));
  afterAll(() => rmSync(directory, { recursive: true }));
  const { access, ...keys } = stackOf(3) as Record<string, unknown> & { access: object[] };
  const load = (content?: unknown, more: object = {}) => {
    if (content !== undefined)
      writeFileSync(join(directory, "access.yaml"), typeof content === "string" ? content : dump(content));
    return loadConfig({ ...keys, accessFile: "access.yaml", ...more }, "bench", { directory });
  };

  test("says so where the file is not there", () => {
    expect(() => load()).toThrow(
      /zero-trust:accessFile is "access.yaml"\n +allowed: a YAML file that can be read: access.yaml does not exist/,
    );
  });

  test("is the same as one that has them among its keys", () => {
    const { accessFile, ...rest } = load(access);
    expect(accessFile).toBe("access.yaml");
    expect(rest).toEqual(loadConfig({ ...keys, access }, "bench"));
  });

  test.each([
    ["is not YAML", "a: [", /a YAML file that can be read: access.yaml/],
    ["is no list", "a: b", /a file with a YAML list of intents, which access.yaml is not/],
  ])("says so where the file %s", (_, content, message) => {
    expect(() => load(content)).toThrow(message);
  });

  test("says where in the file something is wrong: in an intent, or between two", () => {
    const [first, second, third] = access;
    expect(() => load([first, { ...second, port: 0 }])).toThrow(
      /\n {2}access\.yaml\[1\]\.port is 0\n +allowed: .*\n +fix: +edit access\.yaml/,
    );
    expect(() => load([first, third, { ...first }])).toThrow(/\n {2}access\.yaml\[2\]\.name is "service-0"/);
  });

  test("has none among its keys", () => {
    expect(() => load(access, { access })).toThrow(/zero-trust:access is .*\n +allowed: nothing beside accessFile/);
  });

  test("can have more of them than Pulumi can pass on", () => {
    const many = stackOf(2000);
    expect(() => loadConfig(many, "bench")).toThrow(
      /zero-trust:accessFile is missing\n +allowed: a file to which the intents in access are moved: .* takes \d+ KiB of the 128/,
    );
    const { access: all, ...others } = many;
    expect(load(all, others).access).toHaveLength(2000);
  });
});
