import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildTool } from "../tools/go";
import { bundle } from "../cli/lib/bundle";
import { onPath } from "./onPath";
import { endingWithParent } from "./processes";

const languageHost = "pulumi-language-nodejs";
const provider = "pulumi-resource-kubernetes";

/** The Pulumi CLI: the user's where it is on PATH with its language host, and else the one that tools/ builds. */
export function pulumiProgram(): string {
  const own = onPath(languageHost) && onPath("pulumi");
  return own ?? buildTool("pulumi");
}

/** Pulumi's Kubernetes provider: that of the variable `PULUMI_RESOURCE_KUBERNETES`, the user's on PATH, or the one that tools/ builds. */
export const providerProgram = (): string =>
  process.env["PULUMI_RESOURCE_KUBERNETES"] ?? onPath(provider) ?? buildTool(provider);

/**
 * Makes a directory with the CLI, by its own name, and the plugins that the engine starts for this program and its policy pack, to be put on PATH: the Kubernetes provider, which makes the faults of
 * standIns/faultyProvider.ts where the environment asks for them, and, where they are not on PATH already, the stand-ins for the language host and for the random provider, which
 * cannot be had here, and the starter of packs for engines before 3.22x, which is part of the SDK.
 *
 * @param pulumi the CLI
 */
export function installPlugins(directory: string, pulumi = pulumiProgram()): void {
  mkdirSync(directory, { recursive: true });
  symlinkSync(resolve(pulumi), join(directory, "pulumi"));
  const standIn = (name: string) => {
    const script = join(directory, `${name}.js`);
    bundle(`lab/standIns/${name}.ts`, script);
    return script;
  };
  const install = (name: string, text: string) =>
    writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const node = (script: string) => `exec '${process.execPath}' '${script}' "$@"`;

  const official = resolve(providerProgram());
  const faulty = `[ -z "$ZT_KILL_BEFORE$ZT_KILL_AFTER$ZT_KILL_AFTER_WRITE" ] || exec '${process.execPath}' '${standIn("faultyProvider")}' '${official}' "$@"`;
  // An engine that was killed cannot end it.
  const bound = endingWithParent({ program: `'${official}'`, args: ['"$@"'] });
  install(provider, `${faulty}\nexec ${[bound.program, ...bound.args].join(" ")}`);
  const starts = {
    [languageHost]: () => standIn("languageHost"),
    "pulumi-resource-random": () => standIn("randomProvider"),
    "pulumi-analyzer-policy": () => require.resolve("@pulumi/pulumi/cmd/run-policy-pack"),
  };
  for (const [name, script] of Object.entries(starts).filter(([name]) => !onPath(name))) install(name, node(script()));
}
