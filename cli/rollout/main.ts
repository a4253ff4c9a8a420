import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { ConfigError, loadConfig } from "../../config/load";
import { phases, type Phase, type StackConfig } from "../../core/schema/schema";
import { listStacks, readStackFile } from "../../config/stackFile";
import { askPods } from "../../live/probes/pods";
import { isSystemError, parsed, print, runCommand, UsageError } from "../lib/command";
import { refusals, waitsFor } from "./step";
import { withStep, type Step } from "./stackFileEdit";

const usage = `Takes a namespace a phase further in its stack file, and says what that step waits for.

npm run rollout -- COMMAND --stack NAME --namespace NAMESPACE
  next         the phase after the one that is configured: off, observe, allow, require
  greenfield   to require at once, for a namespace in which no pods run: the cluster is asked
  --help       this text

Only the stack file is changed, for a change to be reviewed; pulumi up brings it to the cluster.

Exit: 0, 1 when a guardrail would stop the step or pods run there, 2 when the configuration or an option is wrong.`;

const commands = ["next", "greenfield"] as const;

async function main(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  if (options === undefined) return print(usage);
  const { command, stack, namespace } = options;
  const config = loadConfig(readStackFile(".", stack), stack, { directory: "." });
  const from = config.rollout.phases[namespace] ?? "off";
  const to = command === "greenfield" ? "require" : phases[phases.indexOf(from) + 1];
  if (to === undefined || from === to)
    return print(`${namespace} is ${from} in Pulumi.${stack}.yaml, and there is no phase after it.`);

  if (command === "greenfield") {
    const { [namespace]: running = { because: `no kubeconfig context ${config.cluster.context}` } } = await askPods(
      config.cluster,
      [namespace],
    );
    const why =
      typeof running === "number"
        ? running > 0
          ? `${running} pods run`
          : undefined
        : `nobody could say whether pods run (${running.because})`;
    if (why !== undefined) {
      process.stderr.write(
        `In ${namespace} of ${config.cluster.name} ${why}; take it a phase at a time: npm run rollout -- next --stack ${stack} --namespace ${namespace}\n`,
      );
      return 1;
    }
  }
  return take({ namespace, phase: to, greenfield: command === "greenfield" }, from, stack, config);
}

function take(step: Step, from: Phase, stack: string, config: StackConfig): number {
  const file = `Pulumi.${stack}.yaml`;
  const { namespace, phase, greenfield } = step;
  const assignments = [`rollout.phases.${namespace}=${phase}`];
  if (greenfield && !config.rollout.greenfield.includes(namespace))
    assignments.push(`rollout.greenfield[${config.rollout.greenfield.length}]=${namespace}`);
  const after = loadConfig(readStackFile(".", stack, assignments), stack, { directory: "." });
  const refused = refusals(stack, config, after);
  if (refused.length > 0) {
    process.stderr.write(
      `${namespace} stays ${from}; the guardrails would stop it at ${phase}:\n${refused.map((line) => `  ${line}\n`).join("")}`,
    );
    return 1;
  }
  writeFileSync(file, withStep(readFileSync(file, "utf8"), stack, step));
  print(`${namespace}: ${from} -> ${phase} in ${file}`);
  for (const line of waitsFor(stack, namespace, phase, greenfield, after)) print(`  ${line}`);
  return 0;
}

function readOptions(argv: string[]) {
  return parsed(usage, () => {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { stack: { type: "string" }, namespace: { type: "string" }, help: { type: "boolean", default: false } },
    });
    if (values.help) return undefined;
    const [name = "", ...rest] = positionals;
    const command = commands.find((command) => command === name);
    if (!command || rest.length > 0) throw new UsageError(`Write one of ${commands.join(", ")}.\n\n${usage}`);
    const { stack, namespace } = values;
    if (stack === undefined) throw new UsageError(`--stack is missing: one of ${listStacks(".").join(", ")}`);
    if (namespace === undefined) throw new UsageError("--namespace is missing");
    return { command, stack, namespace };
  });
}

runCommand(
  () => main(process.argv.slice(2)),
  (error) => isSystemError(error) || error instanceof ConfigError,
);
