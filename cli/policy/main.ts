import { relative } from "node:path";
import { isSystemError, print, runCommand } from "../lib/command";
import { writePolicyPack } from "./writePolicyPack";

const usage = `Usage: npm run policy

Writes the policy pack as it is published to an organization of Pulumi Cloud's: docs/pulumi.md.`;

function main(argv: readonly string[]): number {
  if (argv.length > 0) return print(usage);
  const directory = relative(".", writePolicyPack(".build/policy-pack"));
  return print(`The pack is in ${directory}. To publish it: cd ${directory} && pulumi policy publish ORGANIZATION`);
}

runCommand(() => main(process.argv.slice(2)), isSystemError);
