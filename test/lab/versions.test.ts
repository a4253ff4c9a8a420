import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { dependencies } from "../../package.json";
import { buildTool } from "../../tools/go";
import { programs, standardNames, versionOf, type ProgramName } from "../../tools/programs";
import { startProvider } from "./provider/driver";

// A program that is linked without its flags runs all the same, with no version or a wrong one: clients refuse it, servers are taken for others.

const provider = "pulumi-resource-kubernetes";
const told = standardNames.filter((name) => programs[name].ldflags !== undefined && name !== provider);
const questions: Partial<Record<ProgramName, readonly string[]>> = {
  pulumi: ["version"],
  kubectl: ["version", "--client"],
};

test.each(told)("%s says the version that its module pins", (name) => {
  const { stdout, stderr } = spawnSync(buildTool(name), questions[name] ?? ["--version"], { encoding: "utf8" });
  expect(`${stdout}${stderr}`).toContain(versionOf(programs[name]).slice(1));
});

test("Pulumi's provider says the version of the SDK, which the engine asks for", async () => {
  const driver = await startProvider(buildTool(provider), {});
  try {
    expect(await driver.version()).toBe(dependencies["@pulumi/kubernetes"]);
  } finally {
    await driver.stop();
  }
});
