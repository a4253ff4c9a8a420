import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { join, resolve } from "node:path";

/** What keeps a tool from being there; the message is for the user. */
export class ToolError extends Error {}

/**
 * Builds the program that the module `tools/<name>` names as its tool: minutes the first time, seconds once Go has it in its cache.
 *
 * @returns the path of the program
 * @throws ToolError where Go is missing, or go.sum does not vouch for what it got
 */
export function buildTool(name: string): string {
  const directory = resolve(".build");
  const { status } = go(
    ["build", "-C", join("tools", name), "-mod=readonly", "-o", `${directory}/`, "tool"],
    "inherit",
  );
  if (status !== 0) throw new ToolError(`${name} cannot be built: see above`);
  return join(directory, name);
}

/**
 * Downloads a module for the files in it.
 *
 * @param sum its checksum as go.sum would have it: `h1:…`
 * @returns the module's directory
 * @throws ToolError where Go is missing, the module is not to be had, or it is another than it was
 */
export function downloadModule(path: string, version: string, sum: string): string {
  const { status, stdout } = go(["mod", "download", "-json", `${path}@${version}`], "pipe");
  const found = (stdout === "" ? {} : JSON.parse(stdout)) as { Dir?: string; Sum?: string; Error?: string };
  if (status !== 0 || found.Dir === undefined)
    throw new ToolError(`${path}@${version} cannot be downloaded: ${found.Error ?? "no answer"}`);
  if (found.Sum !== sum) throw new ToolError(`${path}@${version} is ${found.Sum}, but ${sum} is expected`);
  return found.Dir;
}

function go(args: readonly string[], stdout: "inherit" | "pipe"): SpawnSyncReturns<string> {
  const result = spawnSync("go", args, {
    env: { ...process.env, CGO_ENABLED: "0" },
    stdio: ["ignore", stdout, "inherit"],
    encoding: "utf8",
  });
  if ((result.error as NodeJS.ErrnoException | undefined)?.code === "ENOENT")
    throw new ToolError(
      "Go is not installed, with which the tools are built: get 1.26 or later from go.dev/doc/install",
    );
  if (result.error) throw result.error;
  return result;
}
