import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hierarchies } from "../../../lab/controlGroups";
import { isRunning } from "../../../lab/processes";
import { readState } from "../../../lab/state";

/** What a lab with real nodes has left of itself: asked now, it says so whenever it is called. */
export function leftOf(directory: string): () => string[] {
  const { groups = [], processes = [] } = readState(directory) ?? {};
  const paths = [directory, ...groups.flatMap((group) => hierarchies().map((hierarchy) => join(hierarchy, group)))];
  return () => [
    ...paths.filter((path) => existsSync(path)),
    ...processes.filter(isRunning).map(({ name }) => name),
    ...readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && contentOf(`/proc/${pid}/cmdline`).includes(directory)),
    ...contentOf("/proc/self/mounts")
      .split("\n")
      .filter((mount) => mount.includes(directory)),
  ];
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process has ended.
    return "";
  }
}
