import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { buildSync } from "esbuild";

/** What one command of the user's did. */
export interface Done {
  readonly status: number | null;
  /** All that it said, in order. */
  readonly output: string;
}

/** What of the project the commands need. */
const parts = [
  ...["components", "policy", "index.ts", "package.json", "test/fixtures"],
  ...["tsconfig.json", "tsconfig.pulumi.json", "Pulumi.yaml", "Pulumi.apps.yaml", "Pulumi.infra.yaml"],
];

/**
 * A copy of the project in which the user's own commands run, with a backend of its own, so that what they write (stack files, state) is nobody else's.
 */
export class LabProject {
  readonly directory = mkdtempSync(join(tmpdir(), "zero-trust-project-"));
  private readonly environment: NodeJS.ProcessEnv;

  /**
   * @param pulumi the CLI
   * @param executables directories with the language host and the plugins
   * @param kubeconfig its contexts `apps` and `infra` are the clusters
   */
  constructor(pulumi: string, executables: readonly string[], kubeconfig: string) {
    const root = resolve(__dirname, "..");
    for (const part of parts) cpSync(join(root, part), join(this.directory, part), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(this.directory, "node_modules"));
    const state = join(this.directory, ".state");
    mkdirSync(state);
    this.environment = {
      ...process.env,
      PATH: [dirname(pulumi), ...executables, process.env["PATH"]].join(delimiter),
      KUBECONFIG: kubeconfig,
      PULUMI_BACKEND_URL: `file://${state}`,
      PULUMI_HOME: join(this.directory, ".home"),
      PULUMI_CONFIG_PASSPHRASE: "lab",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_OPTION_COLOR: "never",
      PULUMI_OPTION_POLICY_PACK: "policy",
    };
  }

  /** Runs `pulumi` as a user would. */
  pulumi(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Done {
    const { status, stdout, stderr, error } = spawnSync("pulumi", [...args, "--non-interactive"], {
      cwd: this.directory,
      env: { ...this.environment, ...environment },
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    if (error) throw error;
    return { status, output: stdout + stderr };
  }

  /** The same in the background, to do something to it meanwhile. */
  start(args: readonly string[]): { kill: () => void; done: Promise<Done> } {
    const child = spawn("pulumi", [...args, "--non-interactive"], {
      cwd: this.directory,
      env: this.environment,
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that what the engine has started dies with it.
      detached: true,
    });
    let output = "";
    child.stdout.on("data", (text: Buffer) => (output += text.toString()));
    child.stderr.on("data", (text: Buffer) => (output += text.toString()));
    const done = new Promise<Done>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => resolve({ status, output }));
    });
    return { kill: () => void (child.pid && process.kill(-child.pid, "SIGKILL")), done };
  }

  /** Runs `pulumi`, and throws what it said where it fails. */
  must(args: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
    const { status, output } = this.pulumi(args, environment);
    if (status !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${status}:\n${output}`);
    return output;
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/**
 * Makes a directory with the executables that the engine starts for this program and its policy pack: the stand-in for Pulumi's Node language host, and the
 * starter of packs, which is part of the SDK.
 */
export function installHost(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const root = resolve(__dirname, "..");
  const bundle = join(root, ".build", "lab", "languageHost.js");
  buildSync({
    entryPoints: [join(root, "lab", "languageHost.ts")],
    bundle: true,
    platform: "node",
    target: "node20",
    packages: "external",
    outfile: bundle,
    logLevel: "error",
  });
  const starts = {
    "pulumi-language-nodejs": bundle,
    "pulumi-analyzer-policy": require.resolve("@pulumi/pulumi/cmd/run-policy-pack"),
  };
  for (const [name, script] of Object.entries(starts))
    writeFileSync(join(directory, name), `#!/usr/bin/env node\nrequire(${JSON.stringify(script)});\n`, { mode: 0o755 });
}
