import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { endingWithParent } from "../processes";
import { until } from "../until";

/** A program that runs beside the tests. */
export interface Process {
  readonly pid: number;
  /** What it has written so far, to both streams. */
  log(): string;
  /** Its exit code or the signal that ended it; undefined while it runs. */
  ended(): number | NodeJS.Signals | undefined;
  /** Asks it to end, makes it after five seconds, and waits until it has. */
  stop(): Promise<void>;
}

const running = new Set<number>();
process.on("exit", () => running.forEach((pid) => kill(pid, "SIGKILL")));

/**
 * Starts a program, which ends with this process.
 *
 * @param name names its log, `<directory>/<name>.log`, which is continued where it is there
 * @throws where it cannot be started
 */
export async function startProcess(
  name: string,
  [program, ...args]: readonly [string, ...string[]],
  { directory, env = {} }: { readonly directory: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Process> {
  const file = join(directory, `${name}.log`);
  const output = openSync(file, "a");
  const bound = endingWithParent({ program, args });
  const child = spawn(bound.program, bound.args, {
    cwd: directory,
    env: { ...process.env, ...env },
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  const pid = child.pid as number;
  running.add(pid);
  child.once("exit", () => running.delete(pid));

  const ended = () => child.exitCode ?? child.signalCode ?? undefined;
  return {
    pid,
    log: () => readFileSync(file, "utf8"),
    ended,
    stop: async () => {
      if (ended() !== undefined) return;
      kill(pid, "SIGTERM");
      const gone = () => ended() !== undefined;
      await until(`${name} ends`, gone, { seconds: 5 }).catch(() => kill(pid, "SIGKILL"));
      await until(`${name} ends when it must`, gone);
    },
  };
}

/** What a program that has ended has said. */
export interface Ended {
  readonly status: number | null;
  /** What it wrote to both streams. */
  readonly output: string;
}

/**
 * Runs a program to its end.
 *
 * @param seconds after which it is killed, and its status is null
 * @throws where it cannot be started
 */
export function runProgram(
  [program, ...args]: readonly [string, ...string[]],
  { input = "", seconds = 30 }: { readonly input?: string; readonly seconds?: number } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "pipe", timeout: seconds * 1000, killSignal: "SIGKILL" });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, output }));
    child.stdin.on("error", () => undefined).end(input);
  });
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** The end of a program's log, for messages. */
export const tail = (process: Process) => process.log().slice(-3000);
