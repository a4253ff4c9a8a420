import { spawn } from "node:child_process";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./stacks";

/** Bundles a command, as its script in package.json does where it reads the cluster. */
export const bundleCommand = (name: string, outfile: string) =>
  build({
    entryPoints: [join(root, `cli/${name}/main.ts`)],
    bundle: true,
    platform: "node",
    target: "node20",
    external: ["@kubernetes/client-node"],
    outfile,
    absWorkingDir: root,
  });

/** Runs a bundled command in a directory. */
export const runCommand = (bundle: string, args: readonly string[], cwd: string, env = process.env) =>
  runProgram(process.execPath, [bundle, ...args], cwd, env);

/** Runs a program in a directory. */
export async function runProgram(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
  const child = spawn(program, args, { cwd, env });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("utf8").on("data", (text: string) => (output[stream] += text));
  const status = await new Promise((resolve) => child.on("close", resolve));
  return { status, ...output };
}
