import { spawnSync } from "node:child_process";

/** What a command said, and its exit code. */
export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs kubectl. Up to five times where the API server has not answered the TLS handshake, for which kubectl waits ten seconds and no longer: nothing was asked then, and beside
 * nodes that start an API server may have to wait for longer than that.
 *
 * @param env all that it finds in its environment
 */
export function spawnKubectl(program: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ""): Said {
  for (let attempt = 1; ; attempt++) {
    const { error, status, stdout, stderr } = spawnSync(program, args, {
      env,
      input,
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    if (error) throw error;
    if (status === 0 || attempt === 5 || !/net\/http: TLS handshake timeout/.test(stderr))
      return { status, stdout, stderr };
  }
}
