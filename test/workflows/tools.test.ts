import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, test } from "vitest";
import { programs, versionOf } from "../../tools/programs";
import { root } from "../support/stacks";

const read = (file: string) => readFileSync(join(root, file), "utf8");
const files = ["mise.toml", ".devcontainer/devcontainer.json", ".envrc", "docs/gitlab-ci.yml"];
const pipelines = [".github/workflows/pull-request.yml", ".github/workflows/deploy.yml"];

describe("wherever Pulumi is run", () => {
  test.each([...files, ...pipelines])("%s names the policy pack", (file) => {
    expect(read(file)).toMatch(/PULUMI_OPTION_POLICY_PACK"?( = "|: "?|=)policy\b/);
  });

  test("it is one version, which the lab runs", () => {
    const versions = [...files, ...pipelines, "docs/pulumi.md"].flatMap((file) =>
      [...read(file).matchAll(/(?:pulumi(?:@| = ")|--version )(\d+\.\d+\.\d+)/g)].map(([, version]) => version),
    );
    expect(versions).toHaveLength(6);
    expect(new Set(versions).size).toBe(1);
    expect(versions[0]).toBe(versionOf(programs.pulumi).slice(1));
  });

  test("the oldest version that the program takes is one that the lab runs too", () => {
    const { requiredPulumiVersion } = load(read("Pulumi.yaml")) as { requiredPulumiVersion: string };
    expect(requiredPulumiVersion).toBe(`>=${versionOf(programs["pulumi-oldest"]).slice(1)}`);
  });

  test("a dev container is described as the tools read it", () => {
    expect(JSON.parse(read(".devcontainer/devcontainer.json"))).toMatchObject({
      image: expect.stringMatching(/^mcr\.microsoft\.com\/devcontainers\//) as string,
      containerEnv: { PULUMI_OPTION_POLICY_PACK: "policy" },
    });
  });
});
