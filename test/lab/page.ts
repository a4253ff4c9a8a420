import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect } from "vitest";

/**
 * The blocks of commands of a page of docs/ that a test runs, as they stand there, by their names: `<!-- name: run by test/… -->` is above each.
 *
 * @param page as `recovery`
 * @param test of which test's; without it of every one's
 */
export function commandsOf(page: string, test?: string): ReadonlyMap<string, string> {
  const blocks = readFileSync(`docs/${page}.md`, "utf8").matchAll(/<!-- ([\w -]+): ([^>]*)-->\s+```bash\n([^]*?)```/g);
  return new Map(
    [...blocks].flatMap(([, name = "", by = "", script = ""]) =>
      test === undefined || by.trim() === `run by ${test}` ? [[name, script] as const] : [],
    ),
  );
}

/** One of them, which has to be there. */
export const commandsIn = (page: string, name: string): string =>
  commandsOf(page).get(name) ?? expect.fail(`docs/${page}.md has no commands ${name}`);

/** Runs commands as they stand there; what they wrote. Throws all that they said where one fails, after which none is run. */
export function runCommands(script: string, env: NodeJS.ProcessEnv, cwd?: string): string {
  const { status, stdout, stderr } = spawnSync("bash", ["-e", "-c", script], { cwd, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${stdout}\n${stderr}`);
  return stdout;
}
