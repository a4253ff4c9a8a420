import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { onPath } from "../../lab/onPath";
import { installPlugins, pulumiProgram } from "../../lab/pulumi";

describe("the Pulumi that the lab runs", () => {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-test-"));
  const theirs = join(directory, "theirs");
  const host = join(directory, "host");
  const has = (name: string, mode = 0o755) => {
    writeFileSync(join(theirs, name), "");
    chmodSync(join(theirs, name), mode);
  };
  const go = onPath("go") ?? expect.fail("Go is not on PATH");
  beforeEach(() => {
    mkdirSync(theirs, { recursive: true });
    symlinkSync(go, join(theirs, "go"));
    vi.stubEnv("PATH", [resolve(".build/bin"), theirs].join(delimiter));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true });
  });

  test("is the user's, with its plugins, where they are on PATH", () => {
    const plugins = ["pulumi-language-nodejs", "pulumi-resource-random", "pulumi-analyzer-policy"];
    ["pulumi", ...plugins].forEach((name) => has(name));
    expect(pulumiProgram()).toBe(join(theirs, "pulumi"));
    installPlugins(host);
    expect(plugins.filter((name) => existsSync(join(host, name)))).toEqual([]);
  });

  test("is ours, with a stand-in for the language host, where one of them is missing", () => {
    has("pulumi");
    has("pulumi-language-nodejs", 0o644);
    expect(pulumiProgram()).toBe(resolve(".build/bin/pulumi"));
    installPlugins(host);
    expect(existsSync(join(host, "pulumi-language-nodejs"))).toBe(true);
  });

  test("a program that this project has built is not the user's", () => {
    vi.stubEnv("PATH", resolve(".build/bin"));
    expect(onPath("kubectl")).toBeUndefined();
  });
});
