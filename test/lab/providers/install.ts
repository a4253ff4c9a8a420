import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { bundle } from "../../../cli/bundle";
import { onPath } from "../../../lab/onPath";

const executable = (name: string) => `pulumi-resource-${name}`;

/** The providers that the user has, in whose place none of ours is tried: `PULUMI_RESOURCE_KUBERNETES` names one, or they are on PATH. */
const real: Readonly<Record<string, string | undefined>> = {
  kubernetes: process.env["PULUMI_RESOURCE_KUBERNETES"] ?? onPath(executable("kubernetes")),
  random: onPath(executable("random")),
};

/** Whether the Kubernetes provider is ours, which makes faults when it is asked to. */
export const makesFaults = real["kubernetes"] === undefined;

/**
 * Puts the executables `pulumi-resource-kubernetes` and `pulumi-resource-random` into a directory, which is then to be put on PATH, where the engine looks
 * for them. Our Kubernetes one needs KUBECONFIG, and for a Helm release `helm` on PATH.
 *
 * @param directory made where it is not there
 */
export function installProviders(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, path] of Object.entries(real))
    if (path !== undefined) symlinkSync(resolve(path), join(directory, executable(name)));
    else installOurs(directory, name);
}

function installOurs(directory: string, name: string): void {
  const script = resolve(directory, `${name}.js`);
  bundle(`test/lab/providers/${name}/main.ts`, script);
  const program = providerPath(directory, name);
  // exec, so that the engine is this process's parent, and a signal reaches it.
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
  chmodSync(program, 0o755);
}

/** Where a provider is after `installProviders`. */
export const providerPath = (directory: string, name = "kubernetes") => join(directory, executable(name));
