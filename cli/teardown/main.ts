import { ownSelector } from "../../core/util/kubernetes";
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { ConfigError, loadConfig } from "../../config/load";
import { listStacks, readStackFile } from "../../config/stackFile";
import { askRules } from "../../live/probes/rules";
import { readState } from "../../core/rollout/state";
import { isSystemError, parsed, print, runCommand, UsageError } from "../lib/command";

const usage = `Removes a stack for good: looks that nothing demands authentication any more, takes the protection off, and runs pulumi destroy.

npm run teardown -- --stack NAME [--yes]
  --yes    does not ask before it destroys
  --help   this text

SPIRE's volume, its namespace, the CRD and Cilium's registration entries stay; what is left is named in the end.

Exit: 0, 1 when something stands against it or Pulumi fails, 2 when the configuration or an option is wrong.`;

async function main(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  if (options === undefined) return print(usage);
  const { stack, yes } = options;
  const config = loadConfig(readStackFile(".", stack), stack, { directory: "." });

  const against = await reasonsAgainst(stack, config.cluster);
  if (against.length > 0) {
    process.stderr.write(`Stack ${stack} stays as it is:\n${against.map((reason) => `  ${reason}\n`).join("")}`);
    return 1;
  }
  const commands = [
    ["state", "unprotect", "--all", "--yes", "--stack", stack],
    ["destroy", "--stack", stack, ...(yes ? ["--yes"] : [])],
  ];
  for (const args of commands) {
    print(`pulumi ${args.join(" ")}`);
    const { status, error } = spawnSync("pulumi", args, { stdio: "inherit" });
    if (error) throw error;
    if (status !== 0) {
      process.stderr.write(`pulumi ended with ${status}; pulumi up protects again what is left\n`);
      return 1;
    }
  }
  const { context } = config.cluster;
  return print(
    `What is retained: kubectl --context ${context} get all,configmaps,persistentvolumeclaims,clusterstaticentries,customresourcedefinitions,csidrivers --all-namespaces --selector ${ownSelector}`,
  );
}

/** What keeps a stack from being destroyed: without SPIRE, and with policies gone one by one, whoever is asked to authenticate is cut off. */
async function reasonsAgainst(stack: string, cluster: Parameters<typeof askRules>[0]): Promise<string[]> {
  const state = recordedState(stack);
  const off = `pulumi config set auth false --stack ${stack} && pulumi up --stack ${stack}`;
  const on = state?.auth ? [`authentication is on; first: ${off}`] : [];
  const before = [...on, ...deletedReleases(stack)];
  const rules = await askRules(cluster);
  if (!Array.isArray(rules))
    return [...before, `nobody could say whether a policy demands authentication (${rules.because})`];
  return [...before, ...rules.map((policy) => `${policy} demands authentication; remove its authentication block`)];
}

function recordedState(stack: string) {
  const { rollout } = recorded(["output", "--json", "--stack", stack]) as { rollout?: unknown };
  return readState(rollout);
}

/** Helm releases that a destroy would uninstall: those that were imported are not retained before an update has had them. */
function deletedReleases(stack: string): string[] {
  const { deployment } = recorded(["export", "--stack", stack]) as {
    deployment?: { resources?: readonly { urn: string; type: string; retainOnDelete?: boolean }[] };
  };
  return (deployment?.resources ?? [])
    .filter(({ type, retainOnDelete }) => type === "kubernetes:helm.sh/v3:Release" && !retainOnDelete)
    .map(
      ({ urn }) =>
        `${urn.split("::").at(-1) ?? urn} would be uninstalled, as no update has had it since it was imported; first: pulumi up --stack ${stack}`,
    );
}

/** What `pulumi stack` prints as JSON. */
function recorded(args: readonly string[]): unknown {
  const { status, stdout, stderr, error } = spawnSync("pulumi", ["stack", ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (error) throw error;
  if (status !== 0) throw new UsageError(stderr.trim());
  return JSON.parse(stdout);
}

function readOptions(argv: string[]) {
  return parsed(usage, () => {
    const { values } = parseArgs({
      args: argv,
      options: {
        stack: { type: "string" },
        yes: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return undefined;
    if (values.stack === undefined) throw new UsageError(`--stack is missing: one of ${listStacks(".").join(", ")}`);
    return { stack: values.stack, yes: values.yes };
  });
}

runCommand(
  () => main(process.argv.slice(2)),
  (error) => isSystemError(error) || error instanceof ConfigError,
);
