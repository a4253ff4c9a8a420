import { type Difference, type RenderedStack } from "./renderStack";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { difference, noState, type AccessState } from "../../core/access/difference";
import { ConfigError, loadConfig } from "../../config/load";
import { written } from "../../core/schema/fields";
import { readStackFile } from "../../config/stackFile";
import { previousFor } from "../../plan/origins";
import { accessStateOf, plan } from "../../plan/plan";
import { UsageError } from "./command";

/** The revision of the git repository that the working directory is in. */
export interface Revision {
  readonly name: string;
  readonly commit: string;
}

/** @throws UsageError where there is no such revision */
export function revisionOf(name: string): Revision {
  try {
    git("rev-parse", "--git-dir");
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "git is not installed" : "this is no git repository";
    throw new UsageError(`--base ${name}: ${why}, so there is no revision to compare with`);
  }
  try {
    return {
      name,
      commit: git("rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`).toString().trim(),
    };
  } catch {
    throw new UsageError(
      `--base ${name}: git knows no such revision here. Write a branch, a tag or a commit; where the clone is shallow, as in CI, fetch it first: git fetch --depth 1 origin BRANCH`,
    );
  }
}

/** Who gains and who loses access since a revision, by the stack files that it has; the assignments of `--set` are not applied to it. */
export function differenceSince({ name: base, commit }: Revision, { name, config, plan }: RenderedStack): Difference {
  const now = accessStateOf(config, plan);
  const known = { base, commit };
  try {
    const before = stateAt(commit, name);
    if (!before)
      return {
        ...known,
        note: `the stack ${name} is not in ${base}: all of it is new`,
        changes: difference(noState, now),
      };
    return { ...known, changes: difference(before, now) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [{ key, problem } = { key: "", problem: "" }] = error.problems;
    return {
      ...known,
      note: `what ${base} has for ${name} cannot be read by this version of the program: ${key} ${problem}`,
    };
  }
}

/** Undefined where the revision has no such stack. */
function stateAt(commit: string, stack: string): AccessState | undefined {
  const root = mkdtempSync(join(tmpdir(), "zero-trust-base-"));
  try {
    // As deep as in the repository, so that a file named by ../ has its place too.
    const prefix = git("rev-parse", "--show-prefix").toString().trim();
    const directory = join(root, prefix);
    mkdirSync(directory, { recursive: true });
    const copy = (file: unknown): boolean => {
      if (typeof file !== "string" || isAbsolute(file)) return false;
      const path = normalize(join(prefix, file));
      if (path.startsWith("..")) return false;
      const content = contentOf(commit, path);
      if (content === undefined) return false;
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
      return true;
    };
    copy("Pulumi.yaml");
    if (!copy(`Pulumi.${stack}.yaml`)) return undefined;
    const values = readStackFile(directory, stack);
    copy(values["accessFile"]);
    copy(keyOf(keyOf(written(values["cluster"]), "cilium"), "valuesFile"));
    const config = loadConfig(values, stack, { directory });
    return accessStateOf(config, plan(config, previousFor(config.auth ? "on" : "off", config)));
  } finally {
    rmSync(root, { recursive: true });
  }
}

const keyOf = (value: unknown, key: string): unknown =>
  written((written(value) as Record<string, unknown> | undefined)?.[key]);

function contentOf(commit: string, path: string): Buffer | undefined {
  try {
    return git("show", `${commit}:${path}`);
  } catch (error) {
    // 128: it has no such file.
    if ((error as { status?: number }).status !== 128) throw error;
    return undefined;
  }
}

const git = (...args: string[]): Buffer =>
  execFileSync("git", args, { stdio: ["ignore", "pipe", "ignore"], maxBuffer: 256 * 1024 * 1024 });
