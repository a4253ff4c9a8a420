import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./report";

/** A program to be measured. */
export interface Contestant {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Measured until it ends, or until it tells the port on which it answers, whereupon it is ended. */
  readonly until: "end" | "port";
}

export interface Measured {
  readonly name: string;
  readonly ms: number;
  /** Peak of its resident memory. Undefined where GNU time is not installed. */
  readonly mebibytes: number | undefined;
  /** What it wrote, in each round. */
  readonly outputs: readonly string[];
}

/** Reports a program's own maximum: Node does so for itself alone. */
const gnuTime = "/usr/bin/time";

/**
 * Runs programs in turn, so that whatever else the machine does meets all of them alike. The first round warms caches and does not count.
 *
 * @returns the medians of time and memory, in the contestants' order
 * @throws Error when a program fails
 */
export async function contest(title: string, contestants: readonly Contestant[], rounds: number): Promise<Measured[]> {
  const runs: Run[][] = contestants.map(() => []);
  for (let round = 0; round <= rounds; round++)
    for (const [i, contestant] of contestants.entries()) {
      process.stderr.write(
        `${title}: ${round === 0 ? "warming up" : `round ${round} of ${rounds}`}, ${contestant.name}\n`,
      );
      const run = await measure(contestant);
      if (round > 0) runs[i]?.push(run);
    }
  return contestants.map(({ name }, i) => {
    const own = runs[i] ?? [];
    const known = own.flatMap(({ kibibytes }) => kibibytes ?? []);
    return {
      name,
      ms: median(own.map(({ ms }) => ms)),
      mebibytes: known.length > 0 ? median(known) / 1024 : undefined,
      outputs: own.map(({ output }) => output),
    };
  });
}

interface Run {
  readonly ms: number;
  readonly kibibytes: number | undefined;
  readonly output: string;
}

function measure(contestant: Contestant): Promise<Run> {
  return contestant.until === "end" ? toItsEnd(contestant) : toItsPort(contestant);
}

async function toItsEnd({ name, command, args, cwd, env }: Contestant): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-bench-"));
  const report = join(directory, "peak");
  const timed = existsSync(gnuTime) ? [gnuTime, "--format=%M", `--output=${report}`] : [];
  const [program = command, ...rest] = [...timed, command, ...args];
  const start = process.hrtime.bigint();
  const child = spawn(program, rest, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", (data: Buffer) => (said.out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (said.err += data.toString()));
  const [status] = (await once(child, "close")) as [number | null];
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  if (status !== 0) throw new Error(`${name} failed: ${said.err || said.out}`);
  const kibibytes = existsSync(report) ? Number(readFileSync(report, "utf8")) : undefined;
  rmSync(directory, { recursive: true });
  return { ms, kibibytes, output: said.out };
}

async function toItsPort({ name, command, args, cwd, env }: Contestant): Promise<Run> {
  const start = process.hrtime.bigint();
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  const output = await Promise.race([
    once(child.stdout, "data").then(([data]) => String(data)),
    exit.then(() => Promise.reject(new Error(`${name} ended without a word`))),
  ]);
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  const status = `/proc/${child.pid}/status`;
  const peak = existsSync(status) ? /VmHWM:\s+(\d+) kB/.exec(readFileSync(status, "utf8"))?.[1] : undefined;
  child.kill();
  await exit;
  if (!/^\d+\s/.test(output)) throw new Error(`${name} says ${output} and no port`);
  return { ms, kibibytes: peak === undefined ? undefined : Number(peak), output };
}
