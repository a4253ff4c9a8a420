import type { Mode } from "./plugin";

/**
 * Runs an operation with the faults that the environment asks for, at the resource with Pulumi's name NAME, and never in a preview:
 * `ZT_FAIL=NAME` fails before anything is done, `ZT_FAIL_AFTER=NAME` after it was done but before the engine hears of it. `ZT_KILL_AFTER=NAME` stops
 * the engine and this provider at that point with SIGKILL, as when the machine goes down.
 *
 * @param name Pulumi's name of the resource
 */
export async function withFaults<T>(name: string, { preview }: Pick<Mode, "preview">, operate: () => Promise<T>) {
  const hit = (variable: string) => !preview && process.env[variable] === name;
  if (hit("ZT_FAIL")) throw new Error(`a fault was asked for before ${name}`);
  const result = await operate();
  if (hit("ZT_KILL_AFTER")) kill();
  if (hit("ZT_FAIL_AFTER")) throw new Error(`a fault was asked for after ${name}`);
  return result;
}

/** The engine is the process that started this one: the executable is replaced by node. */
function kill(): never {
  process.kill(process.ppid, "SIGKILL");
  process.kill(process.pid, "SIGKILL");
  throw new Error("still running");
}
