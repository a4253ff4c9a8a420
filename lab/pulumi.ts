import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildTool } from "../tools/go";
import { bundle } from "../cli/bundle";
import { onPath } from "./onPath";

const languageHost = "pulumi-language-nodejs";

/** The Pulumi CLI: the user's where it is on PATH with its language host, and else the one that tools/ builds. */
export function pulumiProgram(): string {
  const own = onPath(languageHost) && onPath("pulumi");
  return own ?? buildTool("pulumi");
}

/**
 * Makes a directory with the executables that the engine starts for this program and its policy pack, where they are not on PATH already: the stand-in for Pulumi's
 * Node language host, and the starter of packs, which is part of the SDK.
 */
export function installHost(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const host = join(directory, "languageHost.js");
  bundle("lab/languageHost.ts", host);
  const starts = {
    [languageHost]: host,
    "pulumi-analyzer-policy": require.resolve("@pulumi/pulumi/cmd/run-policy-pack"),
  };
  for (const [name, script] of Object.entries(starts).filter(([name]) => !onPath(name)))
    writeFileSync(join(directory, name), `#!/usr/bin/env node\nrequire(${JSON.stringify(script)});\n`, { mode: 0o755 });
}
