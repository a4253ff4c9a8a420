import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { get } from "node:https";
import { get as getHttp } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** What keeps the lab from running; the message is for the user. */
export class LabError extends Error {}

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started: the boot, and clock ticks since. */
  readonly started: string;
}

/** A program of the lab that runs, or ran. */
export interface ProcessRecord extends ProcessIdentity {
  readonly name: string;
  readonly version: string;
  /** The URL that answers 200 once it is ready; none where running is all. */
  readonly ready?: string;
}

/** How a program is started. */
export interface Start {
  readonly name: string;
  readonly version: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly ready?: string;
}

/** The process that this is. */
export const self = (): ProcessIdentity => identify(process.pid)!;

/** The process that has a number now; undefined where none has, or it has ended and only waits to be collected. */
function identify(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // proc(5): the name, in parentheses, may hold anything; state is field 3, num_threads field 20, starttime field 22.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // The first thread of a process that was killed may be gone while another still holds its ports.
  if ((fields[0] === "Z" || fields[0] === "X") && Number(fields[17]) <= 1) return undefined;
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return { pid, started: `${boot} ${fields[19]}` };
}

export const isRunning = ({ pid, started }: ProcessIdentity) => identify(pid)?.started === started;

export const logOf = (directory: string, name: string) => join(directory, "logs", `${name}.log`);

/**
 * How a program runs that is killed as soon as the process that starts it has ended, also by SIGKILL: to be exact, the thread (prctl(2), PR_SET_PDEATHSIG). What changes its
 * credentials, such as a user namespace, takes that away again, so that it comes before this.
 */
export const endingWithParent = ({ program, args }: Pick<Start, "program" | "args">) => ({
  program: "setpriv",
  args: ["--pdeathsig", "KILL", "--", program, ...args],
});

/**
 * Starts a program in the lab's directory, with its output in logs/. It gets no environment but PATH: what the user has set (proxies, KUBECONFIG) is not for it.
 *
 * @param detached whether it outlives this process, and does not hear the terminal's Ctrl-C
 */
export function startProcess(directory: string, start: Start, detached: boolean): ProcessRecord {
  const { name, version, program, args, ...rest } = start;
  const log = openSync(logOf(directory, name), "a");
  const child = spawn(program, args, {
    cwd: directory,
    env: { GOGC: "400", PATH: process.env["PATH"] },
    stdio: ["ignore", log, log],
    detached,
  });
  closeSync(log);
  child.unref();
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (!identity) throw new LabError(`${name} cannot be started: ${program} ${lastWords(directory, name)}`);
  return { name, version, ...rest, ...identity };
}

/**
 * Waits until a program is ready.
 *
 * @throws LabError with the end of its log, where it ended instead, or is not ready after two minutes
 */
export async function untilReady(directory: string, record: ProcessRecord): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await isReady(record))) {
    if (!isRunning(record)) throw new LabError(`${record.name} has ended: ${lastWords(directory, record.name)}`);
    if (Date.now() > deadline)
      throw new LabError(`${record.name} is not ready after two minutes: ${lastWords(directory, record.name)}`);
    await delay(50);
  }
}

/** Whether it says itself that it is ready. */
export const isReady = ({ ready, ...record }: ProcessRecord) =>
  new Promise<boolean>((resolve) => {
    if (ready === undefined) return resolve(isRunning(record));
    // Nothing is sent or believed but the status, so nobody has to vouch for the server.
    const request = (ready.startsWith("https:") ? get : getHttp)(ready, { rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.setTimeout(5_000, () => request.destroy());
    request.on("error", () => resolve(false));
  });

/** The end of a program's log. */
export const lastWords = (directory: string, name: string) =>
  `its last words are\n${readFileSync(logOf(directory, name), "utf8").trimEnd().split("\n").slice(-5).join("\n")}`;

/**
 * Ends processes, and waits until they are gone. At once and without a farewell: what they would put in order is thrown away. A number that another process has by now is left alone.
 */
export async function endProcesses(processes: readonly ProcessIdentity[]): Promise<void> {
  killProcesses(processes);
  while (processes.some(isRunning)) await delay(10);
}

export function killProcesses(processes: readonly ProcessIdentity[]): void {
  for (const { pid } of processes.filter(isRunning)) process.kill(pid, "SIGKILL");
}
