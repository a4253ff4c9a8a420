import { buildSync } from "esbuild";

/** Makes one file of a program of ours and all that it imports, but for some packages, for a process of its own. */
export function bundle(entryPoint: string, outfile: string, external: string[] = []): void {
  buildSync({
    entryPoints: [entryPoint],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    external,
    logLevel: "error",
  });
}
