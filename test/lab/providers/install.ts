import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildSync } from "esbuild";

/**
 * Writes the executables `pulumi-resource-kubernetes` and `pulumi-resource-random` into a directory, which is then to be put on PATH, where the engine looks
 * for them. The Kubernetes one needs KUBECONFIG, and for a Helm release `helm` on PATH.
 *
 * @param directory made where it is not there
 */
export function installProviders(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const name of ["kubernetes", "random"]) {
    const bundle = resolve(directory, `${name}.js`);
    buildSync({
      entryPoints: [join(__dirname, name, "main.ts")],
      outfile: bundle,
      bundle: true,
      platform: "node",
      target: "node20",
      logLevel: "error",
    });
    const program = join(directory, `pulumi-resource-${name}`);
    // exec, so that the engine is this process's parent, and a signal reaches it.
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${bundle}' "$@"\n`);
    chmodSync(program, 0o755);
  }
}

/** The Kubernetes provider that the tests run: ours in a directory, or the one that PULUMI_RESOURCE_KUBERNETES names. */
export function providerPath(directory: string): string {
  return process.env["PULUMI_RESOURCE_KUBERNETES"] ?? join(directory, "pulumi-resource-kubernetes");
}
