// Measures the program beside what would be used instead, and how it grows: `npm run bench -- [--rounds N] [--out FILE]`. Prints Markdown tables.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { buildTool, downloadModule } from "../tools/go";
import { contest, type Contestant, type Measured } from "./contest";
import { machine, median, readOptions, table, time } from "./report";
import { writeProject } from "./stackFile";

const { rounds, out } = readOptions("bench", "7");
const growthRounds = Math.ceil(rounds / 2);
const sizes = [10, 100, 1000, 10_000];
const node = process.execPath;
const scratch = mkdtempSync(join(tmpdir(), "zero-trust-bench-"));

async function main(): Promise<void> {
  const sections: string[] = [];
  const show = (title: string, table: string) => {
    sections.push(`## ${title}\n\n${table}\n`);
    process.stdout.write(`\n${sections.at(-1)}`);
  };
  show("Machine", machine());
  show("Render", besides(await contest("render", renderers(), rounds)));
  show("Start of the program", besides(await contest("program", programs(), rounds)));
  show("Start of the policy pack", besides(await contest("policy pack", packs(), rounds)));
  for (const size of sizes) writeProject(projectOf(size), size);
  const grown = await contest("growth", sizes.map(renderOf), growthRounds);
  show("Growth: the command render", growth(grown));
  show("Steps, in milliseconds", await steps());
  show("Judging by the policy pack", await judging());
  if (out !== undefined) writeFileSync(out, sections.join("\n"));
}

/** Render, and what else would tell what a cluster gets: Cilium's chart with its SPIRE. Node alone is what render cannot be below. */
function renderers(): Contestant[] {
  const cilium = downloadModule(
    "github.com/cilium/cilium",
    "v1.20.2",
    "h1:dqiEGIcXc+gqCLYG/l7VCFJ8GHyb4HUrwbZOpkX5dL8=",
  );
  const chart = join(cilium, "install/kubernetes/cilium");
  const spire = ["enabled", "mutual.spire.enabled", "mutual.spire.install.enabled"];
  const values = spire.flatMap((key) => ["--set", `authentication.${key}=true`]);
  return [
    {
      name: "`render`, both stacks",
      command: node,
      args: [".build/cli/render/main.js", "--out", join(scratch, "rendered")],
      until: "end",
    },
    {
      name: "`helm template` of Cilium with its SPIRE",
      command: buildTool("helm"),
      args: ["template", "cilium", chart, ...values],
      until: "end",
    },
    { name: "Node alone", command: node, args: ["--eval", "0"], until: "end" },
  ];
}

/** A pack of one policy for objects and one for stacks, neither of which does anything. */
function writePack(name: string, first: string, validateResource: string): string {
  // Beside node_modules, so that it finds the SDK.
  const directory = resolve(".build/bench/packs", name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), JSON.stringify({ name, version: "0.1.0", main: "index.js" }));
  const described = (fields: string) => `{ description: "Nothing.", enforcementLevel: "advisory", ${fields} }`;
  writeFileSync(
    join(directory, "index.js"),
    `const policy = require("@pulumi/policy"); ${first}
     new policy.PolicyPack("${name}", { policies: [${described(`name: "object", validateResource: ${validateResource}`)}, ${described(`name: "stack", validateStack: () => {}`)}] });`,
  );
  return directory;
}

/** The least that any pack is. */
const leastPack = () => writePack("least", "", "() => {}");
/** The least that a pack is which takes the types of its objects from Pulumi's SDK for Kubernetes. */
const typedPack = () =>
  writePack(
    "typed",
    `const k8s = require("@pulumi/kubernetes");`,
    "policy.validateResourceOfType(k8s.core.v1.ConfigMap, () => {})",
  );

/** The pack as Pulumi starts it, with what it would be without its bundle, and with the least that any pack is. */
function packs(): Contestant[] {
  const runner = resolve("node_modules/@pulumi/pulumi/cmd/run-policy-pack");
  const byPulumi = (name: string, program: string, env = {}): Contestant => ({
    name,
    command: node,
    // The engine's address is not used before the engine asks something.
    args: [runner, "127.0.0.1:1", resolve(program)],
    env,
    until: "port",
  });
  return [
    byPulumi("the pack, by Pulumi's runner", "policy"),
    // The runner's ts-node keeps what it compiled under the temporary directory: not so on a fresh machine, as in CI.
    byPulumi("its TypeScript by the same, on a fresh machine", "policy/index.ts", { TS_NODE_CACHE: "false" }),
    byPulumi("its TypeScript by the same, compiled and checked before", "policy/index.ts"),
    byPulumi("two empty JavaScript policies by the same", leastPack()),
    byPulumi("the same two with @pulumi/kubernetes", typedPack()),
    { name: "the pack, by `node policy/start.js`", command: node, args: ["policy/start.js"], until: "port" },
  ];
}

/** The program until it is loaded, by its bundle and as Pulumi does without one: by its ts-node, which was told not to check types. */
function programs(): Contestant[] {
  const options = { transpileOnly: true, compilerOptions: { target: "es2022", module: "nodenext" } };
  const register = `require("@pulumi/pulumi/vendor/ts-node@7.0.1").register(${JSON.stringify(options)})`;
  const load = (name: string, program: string, env = {}): Contestant => ({
    name,
    command: node,
    args: ["--eval", program],
    env,
    until: "end",
  });
  const compiled = `${register}; require("./index.ts")`;
  return [
    load("the program, by its bundle", `require("./start.js")`),
    load("its TypeScript by Pulumi's ts-node, on a fresh machine", compiled, { TS_NODE_CACHE: "false" }),
    load("its TypeScript by the same, compiled before", compiled),
    load("Pulumi's SDKs alone", `require("@pulumi/pulumi"); require("@pulumi/kubernetes")`),
  ];
}

const projectOf = (intents: number) => join(scratch, String(intents));

const renderOf = (intents: number): Contestant => ({
  name: intents.toLocaleString("en"),
  command: node,
  args: [resolve(".build/cli/render/main.js"), "--out", join(projectOf(intents), "rendered")],
  cwd: projectOf(intents),
  until: "end",
});

/** What a preview waits for: the pack's judgement of each resource and then of all, beside a pack that has nothing to say. */
async function judging(): Promise<string> {
  const asked = [{ name: "apps", args: [".", "apps"] }, ...sizes.slice(2).map(generated)];
  const packs = { "the pack": "policy", "two empty policies with @pulumi/kubernetes": typedPack() };
  const contestants = Object.entries(packs).flatMap(([name, pack]) =>
    asked.map((stack) => ({ name, args: [pack, ...stack.args] })),
  );
  const program = ".build/bench/pack.js";
  const measured = await contest(
    "judging",
    contestants.map(({ name, args }) => ({ name, command: node, args: [program, ...args], until: "end" })),
    growthRounds,
  );
  const rows = measured.map(({ name, outputs }) => {
    const runs = outputs.map(
      (output) => JSON.parse(output) as Record<"resources" | "start" | "objects" | "stack", number>,
    );
    const of = (step: keyof (typeof runs)[number]) => median(runs.map((run) => run[step]));
    const each = (ms: number) => `${(ms / of("resources")).toFixed(2)} ms`;
    const spent = (["objects", "stack"] as const).flatMap((step) => [time(of(step)), each(of(step))]);
    return [name, of("resources").toLocaleString("en"), time(of("start")), ...spent];
  });
  return table(["", "resources", "start", "each by itself", "for each", "the whole stack", "for each"], rows);
}

const generated = (size: number) => ({
  name: `${size.toLocaleString("en")} intents`,
  args: [projectOf(size), "bench"],
});

/** What the time goes to, for the stacks here and for the generated ones. Each in a process of its own, so that nothing is warm. */
async function steps(): Promise<string> {
  const subjects = [...["infra", "apps"].map((name) => ({ name, args: [".", name] })), ...sizes.map(generated)];
  const program = ".build/bench/steps.js";
  const measured = await contest(
    "steps",
    subjects.map(({ name, args }) => ({ name, command: node, args: [program, ...args], until: "end" })),
    growthRounds,
  );
  const found = measured.map(({ outputs }) => outputs.map((output) => JSON.parse(output) as Record<string, number>));
  const names = Object.keys(found[0]?.[0] ?? {});
  const rows = names.map((step) => [
    step,
    ...found.map((runs) => median(runs.map((run) => run[step] ?? NaN)).toFixed(1)),
  ]);
  return table(["", ...subjects.map(({ name }) => name)], rows);
}

/** Each beside the first: above 1, the first is ahead. */
function besides(measured: readonly Measured[]): string {
  const [first] = measured;
  const ratio = (value: number | undefined, of: number | undefined) => (value && of ? (value / of).toFixed(2) : "–");
  return table(
    ["", "time", "peak memory", "time, as a multiple of the first", "memory, as a multiple of the first"],
    measured.map((m) => [
      m.name,
      time(m.ms),
      memory(m.mebibytes),
      ratio(m.ms, first?.ms),
      ratio(m.mebibytes, first?.mebibytes),
    ]),
  );
}

function growth(measured: readonly Measured[]): string {
  const each = measured.map(({ ms }, i) => ms / (sizes[i] ?? NaN));
  const rows = measured.map(({ name, ms, mebibytes }, i) => [
    name,
    time(ms),
    memory(mebibytes),
    `${(each[i] ?? NaN).toFixed(2)} ms`,
    i === 0 ? "" : ((each[i] ?? NaN) / (each[i - 1] ?? NaN)).toFixed(2),
  ]);
  return table(["intents", "time", "peak memory", "time for each intent", "of that a size before"], rows);
}

const memory = (mebibytes: number | undefined) => (mebibytes === undefined ? "–" : `${mebibytes.toFixed(0)} MiB`);

main()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  })
  .finally(() => rmSync(scratch, { recursive: true }));
