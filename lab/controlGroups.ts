import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Start } from "./processes";

/** The hierarchies of control groups that are mounted: the unified one first. */
export function hierarchies(): string[] {
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "));
  return ["cgroup2", "cgroup"].flatMap((type) =>
    mounts.filter(([, , other]) => other === type).map(([, path]) => path!),
  );
}

/** How a command runs in control groups of a name, which are made where they are not there. */
export const inGroup = (group: string, { program, args }: Pick<Start, "program" | "args">) => ({
  program: "sh",
  args: [resolve("lab/nodes/group.sh"), group, program, ...args],
});

/**
 * Removes a control group, and those below it, from every hierarchy, once the processes in it have ended. Without a promise, so that it can be the last thing that a process does.
 *
 * @throws where they have not ended after ten seconds
 */
export function removeControlGroup(name: string): void {
  const end = Date.now() + 10_000;
  for (const path of hierarchies().map((hierarchy) => join(hierarchy, name)))
    while (existsSync(path)) {
      try {
        removeTree(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EBUSY" || Date.now() > end) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
      }
    }
}

/** Its files cannot be removed, and need not be. */
function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  rmdirSync(path);
}
