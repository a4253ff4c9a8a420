import { loadConfig } from "../../config/load";
import type { StackConfig } from "../../core/schema/schema";
import { readStackFile } from "../../config/stackFile";
import { evidenceFaults, fingerprintOf, type Evidence } from "../../core/rollout/evidence";
import { askCluster } from "../../verify/cluster";
import { readEvidence, writeEvidence } from "../../core/rollout/evidenceFile";
import { HubbleError, readFlows, serversAt, type Server } from "../../verify/hubble";
import { forwardToRelay } from "../../verify/relay";
import { evidenceOf, resumable, seenOf } from "../../verify/report";
import { suggest } from "../../verify/suggest";
import { Watch } from "../../verify/watch";
import { print, show, UsageError } from "../lib/command";
import { callersView, progressOf } from "./callersView";
import { kubeconfigOf } from "./kubeconfig";

/** How often the file is written meanwhile, and the terminal; in milliseconds. */
const [saving, showing] = [60_000, 1_000];

/** What of the options is about the callers of one namespace. */
export interface CallersOptions {
  readonly stack: string;
  readonly namespace: string;
  readonly evidence: boolean;
  /** In seconds. */
  readonly window: number | undefined;
  readonly server: readonly string[] | undefined;
  readonly suggest: boolean;
  readonly addresses: boolean;
}

/** Shows who calls the pods of a namespace, by Hubble, and what the phase require makes of each. @returns the exit code */
export async function callers(options: CallersOptions): Promise<number> {
  const { stack, namespace, evidence: gather } = options;
  const config = loadConfig(readStackFile(".", stack), stack);
  if (!config.cluster.cilium)
    throw new UsageError(`another mesh authenticates in ${stack}, and what is asked here is Cilium's Hubble`);
  checkNamespace(config, namespace);
  const kubeconfig = await kubeconfigOf(stack, config.cluster);

  const earlier = readEvidence(".", stack, namespace);
  const hash = fingerprintOf(config.access.filter(({ target }) => target.namespace === namespace));
  const window = options.window ?? secondsOf("window", config.rollout.evidenceWindow);
  const resumed = gather ? resumable(earlier, hash, window) : undefined;
  const forward = options.server ? undefined : await forwardToRelay(kubeconfig, config.cluster.cilium.namespace);
  try {
    const servers = forward ? [forward.server] : serversAt(options.server ?? []);
    const watch = new Watch(
      namespace,
      servers.map(({ name }) => name),
      Date.now,
    );
    // What was seen before is judged anew.
    if (options.suggest && !gather)
      for (const seen of (earlier?.callers ?? []).flatMap((line) => seenOf(line) ?? [])) watch.tally.merge(seen);
    const started = watch.now();
    const gathered = { stack, namespace, intents: config.access, window: { wanted: window, started, resumed } };
    const first = await askCluster(config, kubeconfig, namespace);
    for (const call of first.open) watch.tally.note(call, started);
    const evidenceNow = (state = first) =>
      evidenceOf({ ...gathered, watch, state, earlier, addresses: options.addresses });
    // A window that begins asks for nothing from before: the oldest that Hubble has is overwritten while it is read, and would count as lost.
    const since = resumed ? Date.parse(resumed.window.to) : gather ? undefined : 0;
    const request = { namespace, follow: gather, since };
    const before = resumed?.window.seen ?? 0;
    const failure = await read(watch, servers, request, {
      ended: () => gather && before + watch.coverage.seconds(watch.now()) >= window,
      progress: () => progressOf(watch, gather ? { wanted: window, before } : undefined),
      save: () => (gather ? writeEvidence(".", evidenceNow()) : undefined),
    });
    // Asking takes a while, in which somebody may end this for good.
    if (gather && watch.flows > 0) writeEvidence(".", evidenceNow());
    const evidence = evidenceNow(await askCluster(config, kubeconfig, namespace));
    const why = failure !== undefined && forward?.because() !== undefined ? ` (${forward.because()})` : "";
    return report(evidence, config, options, failure && `${failure}${why}`);
  } finally {
    forward?.close();
  }
}

/** Reads all servers until they or the window have ended, or somebody ends it. @returns why it ended too early */
async function read(
  watch: Watch,
  servers: readonly Server[],
  request: Parameters<typeof readFlows>[1],
  { ended, progress, save }: { ended: () => boolean; progress: () => string; save: () => void },
): Promise<string | undefined> {
  const end = new AbortController();
  const stop = () => end.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  const timers = [setInterval(save, saving), setInterval(() => (ended() ? stop() : show(progress())), showing)];
  try {
    await Promise.all(servers.map((server) => readFlows(server, request, watch.listenerOf(server.name), end.signal)));
    return undefined;
  } catch (error) {
    if (!(error instanceof HubbleError)) throw error;
    return error.message;
  } finally {
    stop();
    watch.end();
    timers.forEach(clearInterval);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.removeListener(signal, stop);
    show("");
  }
}

/** Writes and prints what was seen. @returns the exit code */
function report(
  evidence: Evidence,
  { access }: StackConfig,
  { stack, namespace, evidence: gather, suggest: suggesting }: CallersOptions,
  failure: string | undefined,
): number {
  const window = { ...evidence.window, complete: true, seen: evidence.window.wanted };
  const judged = gather ? evidence : { ...evidence, window };
  const faults = evidenceFaults(judged, {
    stack,
    namespace,
    intents: access,
    now: new Date(),
    maxAgeHours: Infinity,
    leastWindow: 0,
  });
  // A Hubble that was never heard shows nothing, and no file says otherwise.
  if (failure !== undefined && evidence.window.seen === 0 && evidence.flows === 0) {
    process.stderr.write(`${failure}\n`);
    return 1;
  }
  if (suggesting) process.stdout.write(suggest(evidence.callers, access, namespace));
  else print(callersView(evidence, gather));
  if (gather) process.stderr.write(`Written: ${writeEvidence(".", evidence)}\n`);
  for (const fault of [...(failure === undefined ? [] : [failure]), ...faults]) process.stderr.write(`${fault}\n`);
  return failure === undefined && faults.length === 0 ? 0 : 1;
}

function checkNamespace({ access, rollout }: StackConfig, namespace: string): void {
  const known = [...new Set([...Object.keys(rollout.phases), ...access.map(({ target }) => target.namespace)])].sort();
  if (!known.includes(namespace))
    throw new UsageError(
      `--namespace ${namespace} is none of the stack's, which are those of zero-trust:rollout.phases and the targets in zero-trust:access: ${known.join(", ") || "none yet"}`,
    );
}

/** Seconds of a duration that somebody writes after an option: `90m`. @throws UsageError */
export function secondsOf(option: string, text: string): number {
  const [, number, unit] = /^([1-9][0-9]*)([smh])$/.exec(text) ?? [];
  if (number === undefined)
    throw new UsageError(`--${option} ${text}: write a duration in one unit, s, m or h, as in 90m or 24h`);
  return Number(number) * (unit === "h" ? 3600 : unit === "m" ? 60 : 1);
}
