import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle } from "../lib/bundle";

/** What Pulumi installs beside the pack: its SDK, which also starts it. */
const sdk = ["@pulumi/policy", "@pulumi/pulumi"];

/**
 * Writes the policy pack that needs no project of ours: one file, and what npm and Pulumi have to know of it.
 *
 * @param directory is made anew; the commands are run from the project's root
 * @returns the directory
 */
export function writePolicyPack(directory: string): string {
  const { version, dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
    version: string;
    dependencies: Record<string, string>;
  };
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  bundle("policy/pack/organization.ts", join(directory, "index.js"), sdk);
  copyFileSync("policy/PulumiPolicy.yaml", join(directory, "PulumiPolicy.yaml"));
  const pinned = Object.fromEntries(sdk.map((name) => [name, dependencies[name]]));
  const about = { name: "zero-trust", version, main: "index.js", dependencies: pinned };
  writeFileSync(join(directory, "package.json"), `${JSON.stringify(about, null, 2)}\n`);
  return directory;
}
