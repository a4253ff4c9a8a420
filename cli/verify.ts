import { parseArgs } from "node:util";
import { ConfigError, loadConfig } from "../components/config/load";
import type { StackConfig } from "../components/config/schema";
import { readStackFile } from "../components/config/stackFile";
import { kubeconfigAt } from "../components/rollout/client";
import { evidenceFaults, fingerprintOf, type Evidence } from "../components/rollout/evidence";
import { askCluster } from "../verify/cluster";
import { EvidenceError, readEvidence, writeEvidence } from "../components/rollout/evidenceFile";
import { HubbleError, readFlows, type Server } from "../verify/hubble";
import { forwardToRelay } from "../verify/relay";
import { evidenceOf, resumable, seenOf } from "../verify/report";
import { suggest } from "../verify/suggest";
import { Watch } from "../verify/watch";
import { isSystemError, parsed, print, runCommand, UsageError } from "./command";
import { progressOf, verifyView } from "./verifyView";

const usage = `Shows who calls the pods of a namespace, by Hubble, and what the phase require makes of each.

npm run verify -- --stack NAME --namespace NAMESPACE [options]
  --stack NAME       the stack, with a Pulumi.<stack>.yaml
  --namespace NAME   one of the stack's namespaces
  --evidence         watch for the whole window, and write rollout/<stack>/<namespace>.yaml; without it, what Hubble still remembers
  --window TIME      how long, as in 90m or 24h (default: rollout.evidenceWindow of the stack, a day unless it says otherwise)
  --server SERVER    a Hubble relay or agent, as host:port or unix:///var/run/cilium/hubble.sock, without TLS; may be repeated
                     (default: the relay in the cluster, by a port forward)
  --suggest          the intents that are missing, to be pasted below zero-trust:access, and nothing else
  --addresses        list callers outside the cluster by their addresses; without it they are counted
  --help             this text

Ctrl-C ends it and keeps what was seen: the same command goes on from there.

Exit: 0, 1 when a caller would be cut off or not everything could be seen, 2 when the configuration or an option is wrong.`;

/** How often the file is written meanwhile, and the terminal; in milliseconds. */
const [saving, showing] = [60_000, 1_000];

async function main(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  if (options.help) return print(usage);
  const { stack, namespace, evidence: gather } = options;
  const config = loadConfig(readStackFile(".", stack), stack);
  if (!config.cluster.cilium)
    throw new UsageError(`another mesh authenticates in ${stack}, and what is asked here is Cilium's Hubble`);
  checkNamespace(config, namespace);
  const kubeconfig = await kubeconfigAt(config.cluster.context);
  if (!kubeconfig)
    throw new UsageError(`there is no kubeconfig context ${config.cluster.context}, which is that of ${stack}`);

  const earlier = readEvidence(".", stack, namespace);
  const hash = fingerprintOf(config.access.filter(({ target }) => target.namespace === namespace));
  const window = options.window ?? secondsOf(config.rollout.evidenceWindow);
  const resumed = gather ? resumable(earlier, hash, window) : undefined;
  const forward = options.server ? undefined : await forwardToRelay(kubeconfig, config.cluster.cilium.namespace);
  try {
    const named = (options.server ?? []).map((address) => ({ name: `Hubble at ${address}`, address }));
    const servers = forward ? [forward.server] : named;
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
  { stack, namespace, evidence: gather, suggest: suggesting }: ReturnType<typeof readOptions>,
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
  else print(verifyView(evidence, gather));
  if (gather) process.stderr.write(`Written: ${writeEvidence(".", evidence)}\n`);
  for (const fault of [...(failure === undefined ? [] : [failure]), ...faults]) process.stderr.write(`${fault}\n`);
  return failure === undefined && faults.length === 0 ? 0 : 1;
}

/** One line of a terminal, written again and again. */
function show(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${line}`);
}

function checkNamespace({ access, rollout }: StackConfig, namespace: string): void {
  const known = [...new Set([...Object.keys(rollout.phases), ...access.map(({ target }) => target.namespace)])].sort();
  if (!known.includes(namespace))
    throw new UsageError(
      `--namespace ${namespace} is none of the stack's, which are those of zero-trust:rollout.phases and the targets in zero-trust:access: ${known.join(", ") || "none yet"}`,
    );
}

function readOptions(argv: string[]) {
  return parsed(usage, () => {
    const { values } = parseArgs({
      args: argv,
      options: {
        stack: { type: "string" },
        namespace: { type: "string" },
        evidence: { type: "boolean", default: false },
        window: { type: "string" },
        server: { type: "string", multiple: true },
        suggest: { type: "boolean", default: false },
        addresses: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const { stack = "", namespace = "", help } = values;
    if (!help && (stack === "" || namespace === "")) throw new UsageError(`write --stack and --namespace\n\n${usage}`);
    if (values.window !== undefined && !values.evidence)
      throw new UsageError("--window is how long --evidence watches: leave it out, or add --evidence");
    return { ...values, stack, namespace, window: values.window === undefined ? undefined : secondsOf(values.window) };
  });
}

function secondsOf(text: string): number {
  const [, number, unit] = /^([1-9][0-9]*)([smh])$/.exec(text) ?? [];
  if (number === undefined)
    throw new UsageError(`--window ${text}: write a duration in one unit, s, m or h, as in 90m or 24h`);
  return Number(number) * (unit === "h" ? 3600 : unit === "m" ? 60 : 1);
}

runCommand(
  () =>
    main(process.argv.slice(2)).catch((error: unknown) => {
      if (!(error instanceof HubbleError)) throw error;
      process.stderr.write(`${error.message}\n`);
      return 1;
    }),
  (error) => error instanceof ConfigError || error instanceof EvidenceError || isSystemError(error),
);
