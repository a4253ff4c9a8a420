import { spawnSync } from "node:child_process";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { print, runCommand, UsageError } from "../cli/lib/command";
import { table } from "../cli/lib/table";
import { ToolError } from "../tools/go";
import { startControlPlane } from "./controlPlane";
import { withLock } from "./lock";
import { isReady, isRunning, LabError, type ProcessRecord } from "./processes";
import { isCrashed, readState, removeControlPlane, type State } from "./state";

const usage = `Runs a real Kubernetes control plane on this machine: see docs/lab.md.

npm run lab -- up [--nodes N]   starts it, with N fake nodes (default: 2), and says how to reach it
npm run lab -- status           says what runs
npm run lab -- down             ends it, and removes its files
npm run lab -- demo             shows authentication on, off and on again, on a cluster of its own with real nodes
npm run lab -- --help           this text

Exit: 0; 1 when status finds something that does not run; 2 when it cannot be started, or an option is wrong.`;

const directory = join(".build", "lab");

async function main(argv: string[]): Promise<number> {
  const { command, nodes, help } = readOptions(argv);
  if (help) return print(usage);
  if (command === "demo") return spawnSync("npm", ["run", "-s", "demo"], { stdio: "inherit" }).status ?? 1;
  if (command === "status") return status(readState(directory));
  return withLock(directory, () => (command === "up" ? up(nodes) : down()));
}

async function up(nodes: number): Promise<number> {
  const state = readState(directory);
  if (state && !isCrashed(state)) {
    process.stderr.write("The lab runs already, as it was started; npm run lab -- down ends it\n");
    return print(howToReach());
  }
  if (state) {
    process.stderr.write("The lab that was here has crashed: removing what is left\n");
    await removeControlPlane(directory);
  }
  await startControlPlane({ controllers: true, nodes, directory });
  return print(howToReach());
}

const howToReach = () => `export KUBECONFIG=${join(process.cwd(), directory, "kubeconfig")}`;

async function status(state: State | undefined): Promise<number> {
  if (!state) {
    print("No lab runs here; npm run lab -- up starts it");
    return 1;
  }
  const rows = await Promise.all(
    state.processes.map(async (record) => [record.name, record.version, `${record.pid}`, await condition(record)]),
  );
  print(table([["PROGRAM", "VERSION", "PID", "STATE"], ...rows]).join("\n"));
  print(`\n${state.server}, logs in ${relative(".", join(directory, "logs"))}\n${howToReach()}`);
  return rows.every((row) => row.at(-1) === "ready") ? 0 : 1;
}

async function condition(record: ProcessRecord): Promise<string> {
  if (!isRunning(record)) return "ended";
  return (await isReady(record)) ? "ready" : "not ready";
}

async function down(): Promise<number> {
  const state = readState(directory);
  await removeControlPlane(directory);
  return print(state ? "The lab is down, and its files are gone" : "No lab runs here");
}

function readOptions(argv: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { nodes: { type: "string" }, help: { type: "boolean", default: false } },
    });
    const [command = "", ...rest] = positionals;
    if (!values.help && (!["up", "status", "down", "demo"].includes(command) || rest.length > 0))
      throw new UsageError(`${positionals.join(" ") || "No command"}: write up, status, down or demo\n\n${usage}`);
    if (values.nodes !== undefined && command !== "up")
      throw new UsageError("--nodes is for up alone: how many there are is settled when the lab starts");
    if (values.nodes !== undefined && !/^\d{1,3}$/.test(values.nodes))
      throw new UsageError(`--nodes ${values.nodes}: write a number from 0 to 999`);
    return { command, nodes: Number(values.nodes ?? 2), help: values.help };
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`${error.message}\n\n${usage}`);
    throw error;
  }
}

runCommand(
  () => main(process.argv.slice(2)),
  (error) => [LabError, ToolError].some((type) => error instanceof type),
);
