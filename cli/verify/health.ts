import { execFile } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { loadConfig } from "../../config/load";
import { readStackFile } from "../../config/stackFile";
import { readState, type RolloutState } from "../../core/rollout/state";
import type { Asked } from "../../verify/health/answers";
import type { Facts } from "../../verify/health/facts";
import type { Finding } from "../../verify/health/finding";
import { gather } from "../../verify/health/gather";
import { changesOf, exitCodeOf, judge } from "../../verify/health/judge";
import { paint, show } from "../lib/command";
import { writeFile } from "../lib/files";
import { changeLines, healthView, jsonOf } from "./healthView";
import { junitOf } from "./junit";
import { kubeconfigOf } from "./kubeconfig";

/** What of the options is about a whole stack. */
export interface HealthOptions {
  readonly stack: string;
  /** In seconds. */
  readonly window: number | undefined;
  readonly interval: number | undefined;
  readonly server: readonly string[] | undefined;
  readonly skip: readonly string[];
  readonly strict: boolean;
  readonly json: boolean;
  readonly junit: string | undefined;
  readonly watch: boolean;
}

/** In seconds: how far back flows are looked at, and how often a watch looks. */
const standard = { window: 300, interval: 15 } as const;

/** Shows how a stack is in its cluster, once or again and again. @returns the exit code */
export async function health(options: HealthOptions): Promise<number> {
  const { stack } = options;
  const config = loadConfig(readStackFile(".", stack), stack, { directory: "." });
  const kubeconfig = await kubeconfigOf(stack, config.cluster);
  const look = () =>
    gather({
      stack,
      config,
      kubeconfig,
      askRecorded: () => (options.skip.includes("recorded") ? notAsked : recordedState(stack)),
      servers: options.server,
      window: (options.window ?? standard.window) * 1000,
      progress: (done, all, waiting) =>
        show(`${done} of ${all} answers${waiting.length > 0 ? `; waiting: ${waiting.slice(0, 3).join(", ")}` : ""}`),
    });
  const facts = await look();
  let findings = judge(facts, options.skip);
  report(facts, findings, options);
  if (options.watch) {
    findings = await watch(findings, look, options);
    // Questions that nobody waits for any more would keep this program for seconds.
    process.exit(exitCodeOf(findings, options.strict));
  }
  return exitCodeOf(findings, options.strict);
}

const notAsked = Promise.resolve({ because: "not asked" });

function report(facts: Facts, findings: readonly Finding[], { json, junit, strict, watch }: HealthOptions): void {
  show("");
  if (junit !== undefined) writeFile(junit, junitOf(facts, findings, strict));
  if (json) process.stdout.write(`${JSON.stringify(jsonOf(facts, findings, strict), null, watch ? 0 : 2)}\n`);
  else process.stdout.write(`${healthView(facts, findings, paint)}\n`);
}

/** Looks until somebody ends it, and shows what changed since the last time. @returns the last findings */
async function watch(first: Finding[], look: () => Promise<Facts>, options: HealthOptions): Promise<Finding[]> {
  const end = new AbortController();
  const stop = () => end.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  const ended = new Promise<undefined>((resolve) => end.signal.addEventListener("abort", () => resolve(undefined)));
  let findings = first;
  for (;;) {
    show(`looks again every ${options.interval ?? standard.interval} s, Ctrl-C ends it`);
    await setTimeout((options.interval ?? standard.interval) * 1000, undefined, { signal: end.signal }).catch(
      () => undefined,
    );
    if (end.signal.aborted) break;
    const facts = await Promise.race([look(), ended]);
    if (facts === undefined) break;
    const after = judge(facts, options.skip);
    if (options.json || options.junit !== undefined) report(facts, after, { ...options, json: options.json });
    show("");
    if (!options.json)
      for (const line of changeLines(changesOf(findings, after), new Date(), paint)) process.stdout.write(`${line}\n`);
    findings = after;
  }
  show("");
  return findings;
}

/** How long Pulumi may take, in milliseconds: its backend may be far away. */
const patience = 20_000;

/** What the last update recorded, as Pulumi's CLI says. Never throws. */
function recordedState(stack: string): Promise<Asked<RolloutState | undefined>> {
  return new Promise((resolve) => {
    const options = { timeout: patience, maxBuffer: 1 << 28 };
    const child = execFile(
      "pulumi",
      ["stack", "output", "--json", "--non-interactive", "--stack", stack],
      options,
      (error, stdout, stderr) => resolve(stateIn(error, stdout, stderr)),
    );
    // Nobody is here to be asked for a passphrase.
    child.stdin?.end();
  });
}

/** @param error of the program's start or end */
function stateIn(error: Error | null, stdout: string, stderr: string): Asked<RolloutState | undefined> {
  if (error) {
    const { code, killed } = error as NodeJS.ErrnoException & { killed?: boolean };
    if (code === "ENOENT") return { because: "Pulumi's CLI is not here" };
    if (killed) return { because: "Pulumi has not answered in time" };
    return { because: stderr.trim().split("\n")[0] || "Pulumi has failed" };
  }
  try {
    return { known: readState((JSON.parse(stdout) as { rollout?: unknown }).rollout) };
  } catch {
    return { because: "Pulumi's answer is no JSON" };
  }
}
