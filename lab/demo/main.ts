import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TestCluster, type Answer } from "../../test/lab/nodes/cluster";
import { generators, startLoad } from "../../test/lab/nodes/load";
import { buildTools } from "../../tools/go";
import { demoPage } from "./page";
import { demoPicture } from "./picture";
import type { Call, Moment, Step, Story } from "./story";

const page = resolve(".build", "demo.html");
const picture = resolve(".build", "demo.svg");
const say = (line: string) => process.stdout.write(`${line}\n`);

/** The product's story on two real nodes, in the terminal while it happens and as a page in the end. */
async function main(): Promise<void> {
  process.env["PATH"] = `${dirname(buildTools(["kubectl", "helm"]).kubectl)}:${process.env["PATH"]}`;
  say("Two nodes: a kubelet and containerd each. It takes a minute.");
  const cluster = await TestCluster.start();
  try {
    const story = await tell(cluster);
    mkdirSync(dirname(page), { recursive: true });
    writeFileSync(page, demoPage(story));
    writeFileSync(picture, demoPicture(story));
    say(`\nThe same as a page: ${relative(".", page)}, and its picture: ${relative(".", picture)}`);
  } finally {
    await cluster.stop();
  }
}

async function tell(cluster: TestCluster): Promise<Story> {
  const started = Date.now();
  const since = () => Date.now() - started;
  const steps: Step[] = [];
  const calls: Call[] = [];
  const { stack } = cluster;

  const step = async (name: string, command: string, action: () => Promise<string>) => {
    say(`\n${steps.length + 1}. ${name}\n   $ ${command}`);
    const from = since();
    const stop = watch(cluster);
    const outcome = await action().finally(stop);
    steps.push({ name, command, from, to: since(), outcome });
    say(`   ${outcome} (${Math.round((since() - from) / 1000)} s)`);
  };
  const up = async () => {
    const { status, output } = await stack.startUp();
    if (status !== 0) throw new Error(output);
    return resources(output);
  };
  const demand = async () => {
    let outcome = "";
    await cluster.demand(async () => void (outcome = await up()));
    return outcome;
  };
  const call = (caller: string) => {
    const answer = cluster.call(caller);
    const { verdict = "", auth_type, drop_reason_desc } = cluster.verdicts("node2", caller).at(-1) ?? {};
    const because = [verdict, drop_reason_desc ?? auth_type ?? ""].join(" ").trim();
    calls.push({ at: since(), caller, target: "orders/api:8080", answer: inWords(answer), verdict: because });
    say(`   ${caller} -> orders/api:8080   ${inWords(answer)}   ${because}`);
  };

  await step("Cilium, SPIRE and the policies, on nodes that have nothing", "pulumi up --stack apps", up);
  await cluster.runTarget("node2");
  await cluster.run("web/frontend", { node: "node1", serviceAccount: "frontend" });
  await cluster.run("web/intruder", { node: "node1", serviceAccount: "intruder" });
  await step("Callers have to authenticate", "pulumi up --stack apps", demand);
  call("web/frontend");
  call("web/intruder");

  await startLoad(cluster);
  await step(
    "An incident: off, under load",
    "pulumi config set auth false --stack apps && pulumi up --stack apps",
    () => {
      stack.set("auth", "false");
      return up();
    },
  );
  call("web/frontend");
  call("web/intruder");
  await step(
    "On again",
    "pulumi config set auth true --stack apps && pulumi config set --path rollout.resume 1 --stack apps && pulumi up --stack apps && pulumi up --stack apps",
    () => {
      stack.setFlag("true");
      return demand();
    },
  );
  call("web/frontend");
  const bad = "pulumi config set --stack apps --path rollout.phases.kube-system require && pulumi up --stack apps";
  await step("A change that would take the cluster down", bad, async () => {
    stack.set("rollout.phases.kube-system", "require");
    const { status, output } = await stack.startUp();
    if (status === 0) throw new Error(`it was not stopped:\n${output}`);
    return `stopped: ${/protected-namespaces: .*/.exec(output)?.[0] ?? output}`;
  });
  await delay(6_000);

  const load = generators.map((pod) => [pod, cluster.seconds(pod).map((second) => momentOf(second, started))] as const);
  return { title: "Authentication on, off and on again", steps, calls, load: Object.fromEntries(load) };
}

/** Says every other second what the load generators see, until it is stopped. */
function watch(cluster: TestCluster): () => void {
  const timer = setInterval(() => {
    if (cluster.isRunning("billing/load"))
      say(`   ${generators.map((pod) => `${pod} ${seen(cluster, pod)}`).join("   ")}`);
  }, 2_000);
  return () => clearInterval(timer);
}

function seen(cluster: TestCluster, pod: string): string {
  const { answered, failed, worst } = cluster.seconds(pod).at(-1) ?? { answered: 0, failed: 0, worst: 0 };
  return `${answered} answered, ${failed} failed, worst ${worst} ms`;
}

const momentOf = (second: { time: string } & Omit<Moment, "at">, started: number): Moment => ({
  at: Date.parse(second.time) - started,
  answered: second.answered,
  failed: second.failed,
  worst: second.worst,
});

const inWords = ({ status, error, ms }: Answer) => `${status ?? error} after ${ms} ms`;

/** The summary of an update, in one line. */
const resources = (output: string) =>
  /Resources:\n((?: +.*\n)+)/.exec(output)?.[1]?.trim().split(/\n\s+/).join(", ") ?? "done";

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
