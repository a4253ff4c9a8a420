import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { ConfigError } from "../components/config/load";
import { listStacks } from "../components/config/stackFile";
import { minorOf } from "../components/config/versions";
import { manifestsOf } from "../components/kubernetes";
import { renderStack, type RenderedStack } from "./renderStack";
import { exceptions } from "./scoreExceptions";
import { findingsOf, judgeFindings, type Finding } from "./scoreFindings";

// `npm run score`: judges the objects of every stack with kube-score. Exit: 0; 1 on a CRITICAL finding without an exception, or an exception without a
// finding; 2 when kube-score cannot be built or run, or the configuration is wrong.

const build = resolve(".build");

/** What keeps kube-score from judging; exit 2. */
class ScoreError extends Error {}

function main(): number {
  const stacks = listStacks(".").map((name) => renderStack(".", name, [], undefined));
  buildKubeScore();
  const { lines, ok } = judgeFindings(
    stacks.map((stack) => ({ stack: stack.name, findings: score(stack) })),
    exceptions,
  );
  process.stdout.write(`${lines.join("\n")}\n`);
  return ok ? 0 : 1;
}

/** A minute or two the first time; after that Go has it in its cache. `readonly`: only what go.sum vouches for. */
function buildKubeScore(): void {
  const { error, status } = spawnSync(
    "go",
    ["build", "-C", join("tools", "kube-score"), "-mod=readonly", "-o", `${build}/`, "tool"],
    { env: { ...process.env, CGO_ENABLED: "0" }, stdio: ["ignore", "inherit", "inherit"] },
  );
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ENOENT")
    throw new ScoreError(
      "kube-score is built with Go, which is not installed: get 1.24 or later from go.dev/doc/install",
    );
  if (error) throw error;
  if (status !== 0) throw new ScoreError("kube-score cannot be built: see above");
}

/** The exceptions are the only place to look for what is excepted, so annotations on the objects count for nothing. */
function score({ name, config, plan }: RenderedStack): Finding[] {
  const { error, stdout, stderr } = spawnSync(
    join(build, "kube-score"),
    [
      "score",
      ...["--kubernetes-version", `v${minorOf(config.cluster.kubernetes)}`],
      ...["--output-format", "json"],
      "--disable-ignore-checks-annotations",
      "-",
    ],
    {
      input: manifestsOf(plan.components)
        .map((manifest) => JSON.stringify(manifest))
        .join("\n---\n"),
      encoding: "utf8",
      maxBuffer: 1 << 28,
    },
  );
  if (error) throw error;
  // Its exit code is 1 for a CRITICAL finding and for a failure alike.
  if (stdout === "") throw new ScoreError(`kube-score cannot judge stack ${name}: ${stderr.trim()}`);
  return findingsOf(stdout);
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof ScoreError || error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
