import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { endingWithParent } from "./processes";

/** What one command of the user's did. */
export interface Done {
  readonly status: number | null;
  /** All that it said, in order. */
  readonly output: string;
}

/** As much of a stack's file in the backend as is read. */
interface Backend {
  readonly checkpoint: {
    readonly latest?: {
      readonly resources?: readonly { readonly type: string; readonly outputs?: Readonly<Record<string, unknown>> }[];
    };
  };
}

/** What of the project the commands need. */
const parts = [
  ...[
    "core",
    "components",
    "config",
    "plan",
    "live",
    "policy",
    "program",
    "index.ts",
    "start.js",
    "bundle.js",
    "package.json",
    "test/fixtures",
  ],
  ...["tsconfig.json", "Pulumi.yaml", "Pulumi.apps.yaml", "Pulumi.infra.yaml"],
];

/**
 * A copy of the project in which the user's own commands run, with a backend of its own, so that what they write (stack files, state) is nobody else's.
 */
export class LabProject {
  readonly directory = mkdtempSync(join(tmpdir(), "zero-trust-project-"));
  private readonly state = join(this.directory, ".state");
  /** What the commands find in their environment. */
  readonly environment: NodeJS.ProcessEnv;

  /**
   * @param plugins a directory with the CLI, the language host and the providers, as installPlugins makes it
   * @param kubeconfig its contexts `apps` and `infra` are the clusters
   */
  constructor(plugins: string, kubeconfig: string) {
    for (const part of parts) cpSync(part, join(this.directory, part), { recursive: true });
    symlinkSync(resolve("node_modules"), join(this.directory, "node_modules"));
    mkdirSync(this.state);
    this.environment = {
      ...process.env,
      PATH: [plugins, process.env["PATH"]].join(delimiter),
      KUBECONFIG: kubeconfig,
      PULUMI_BACKEND_URL: `file://${this.state}?metadata=skip`,
      PULUMI_HOME: join(this.directory, ".home"),
      PULUMI_CONFIG_PASSPHRASE: "lab",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_OPTION_COLOR: "never",
      PULUMI_OPTION_POLICY_PACK: "policy",
    };
  }

  /** Runs `pulumi` as a user would. */
  pulumi(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Done {
    return this.run("pulumi", [...args, "--non-interactive"], environment);
  }

  /** The same in the background, to do something to it meanwhile. */
  start(args: readonly string[]): Promise<Done> {
    return this.startProgram("pulumi", [...args, "--non-interactive"]);
  }

  /** Runs commands in a shell that finds the programs of a directory too; a pipe fails as any of its commands does. */
  shell(commands: string, programs: string): Done {
    return this.run("bash", ["-o", "pipefail", "-c", commands], this.withPrograms(programs));
  }

  /** The same in the background. */
  startShell(commands: string, programs: string): Promise<Done> {
    return this.startProgram("bash", ["-o", "pipefail", "-c", commands], this.withPrograms(programs));
  }

  private withPrograms(directory: string): NodeJS.ProcessEnv {
    return { PATH: [directory, this.environment["PATH"]].join(delimiter) };
  }

  private run(program: string, args: readonly string[], environment: NodeJS.ProcessEnv): Done {
    const call = endingWithParent({ program, args });
    const { status, stdout, stderr, error } = spawnSync(call.program, call.args, {
      cwd: this.directory,
      env: { ...this.environment, ...environment },
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    if (error) throw error;
    return { status, output: stdout + stderr };
  }

  private startProgram(program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Done> {
    const call = endingWithParent({ program, args });
    const child = spawn(call.program, call.args, {
      cwd: this.directory,
      env: { ...this.environment, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (text: Buffer) => (output += text.toString()));
    child.stderr.on("data", (text: Buffer) => (output += text.toString()));
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => resolve({ status, output }));
    });
  }

  /** Runs `pulumi`, and throws what it said where it fails. */
  must(args: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
    const { status, output } = this.pulumi(args, environment);
    if (status !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${status}:\n${output}`);
    return output;
  }

  /** Runs one of the project's own commands, bundled as package.json says. */
  command(bundle: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Done {
    return this.run(process.execPath, [bundle, ...args], environment);
  }

  /** The same in the background. */
  startCommand(bundle: string, args: readonly string[]): Promise<Done> {
    return this.startProgram(process.execPath, [bundle, ...args]);
  }

  /** The outputs of a stack as its backend has them: what `pulumi stack output --json` says, without the second that it takes. */
  outputs(stack: string): Readonly<Record<string, unknown>> {
    const file = join(this.state, ".pulumi", "stacks", "zero-trust", `${stack}.json`);
    const { checkpoint } = JSON.parse(readFileSync(file, "utf8")) as Backend;
    return checkpoint.latest?.resources?.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
