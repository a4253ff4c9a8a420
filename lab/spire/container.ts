import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { hierarchies } from "../controlGroups";
import { until } from "../until";

/** A control group that looks to SPIRE's agent like a container of a pod (pkg/common/containerinfo/extract.go). */
export interface Container {
  /** The command that runs another in the container. */
  within(command: readonly [string, ...string[]]): [string, ...string[]];
  /** Takes it away once its processes have ended. */
  close(): Promise<void>;
}

/**
 * @param podUid the pod's, which is in the group's path
 * @param id 64 hexadecimal digits
 * @throws where this process may not make control groups
 */
export function openContainer(podUid: string, id: string): Container {
  const pod = join(hierarchy(), `pod${podUid}`);
  const group = join(pod, id);
  try {
    mkdirSync(group, { recursive: true });
  } catch (cause) {
    throw new Error(
      `no control group can be made at ${group}, which the identity tests need: run them with root (sudo)`,
      {
        cause,
      },
    );
  }
  const processes = join(group, "cgroup.procs");
  return {
    within: (command) => ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', processes, ...command],
    close: async () => {
      if (!existsSync(group)) return;
      await until("the container is empty", () => readFileSync(processes, "utf8") === "");
      rmdirSync(group);
      rmdirSync(dirname(group));
    },
  };
}

/** Where the unified hierarchy of control groups is mounted, and where it is not, any other. */
function hierarchy(): string {
  const [path] = hierarchies();
  if (path === undefined) throw new Error("no control groups are mounted, which the identity tests need: see mount(8)");
  return path;
}
