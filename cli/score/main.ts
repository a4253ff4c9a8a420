import { spawnSync } from "node:child_process";
import { ConfigError } from "../../config/load";
import { listStacks } from "../../config/stackFile";
import { minorOf } from "../../core/schema/versions";
import { manifestsOf } from "../../core/util/kubernetes";
import { runCommand } from "../lib/command";
import { renderStack, type RenderedStack } from "../lib/renderStack";
import { buildTool, ToolError } from "../../tools/go";
import { exceptions } from "./exceptions";
import { findingsOf, judgeFindings, type Finding } from "./findings";

// `npm run score`: judges the objects of every stack with kube-score. Exit: 0; 1 on a CRITICAL finding without an exception, or an exception without a
// finding; 2 when kube-score cannot be built or run, or the configuration is wrong.

function main(): number {
  const stacks = listStacks(".").map((name) => renderStack(".", name, [], undefined));
  const program = buildTool("kube-score");
  const { lines, ok } = judgeFindings(
    stacks.map((stack) => ({ stack: stack.name, findings: score(program, stack) })),
    exceptions,
  );
  process.stdout.write(`${lines.join("\n")}\n`);
  return ok ? 0 : 1;
}

/** The exceptions are the only place to look for what is excepted, so annotations on the objects count for nothing. */
function score(program: string, { name, config, plan }: RenderedStack): Finding[] {
  const { error, stdout, stderr } = spawnSync(
    program,
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
  if (stdout === "") throw new ToolError(`kube-score cannot judge stack ${name}: ${stderr.trim()}`);
  return findingsOf(stdout);
}

runCommand(main, (error) => error instanceof ToolError || error instanceof ConfigError);
