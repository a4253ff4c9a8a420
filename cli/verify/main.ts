import { parseArgs } from "node:util";
import { dump } from "js-yaml";
import { ConfigError, loadConfig } from "../../config/load";
import { readStackFile } from "../../config/stackFile";
import { EvidenceError } from "../../core/rollout/evidenceFile";
import { verifyRights } from "../../live/rights";
import { checks } from "../../verify/health/judge";
import { HubbleError } from "../../verify/hubble";
import { callers, secondsOf } from "./callers";
import { isSystemError, parsed, print, runCommand, UsageError } from "../lib/command";
import { health } from "./health";

const usage = `Shows how a stack's identities, Cilium and policies are in its cluster, and what to do about what is not well. It changes nothing.

npm run verify -- --stack NAME [options]
  --stack NAME       the stack, with a Pulumi.<stack>.yaml
  --window TIME      how far back flows are looked at (default: 5m)
  --server SERVER    a Hubble relay or agent, as host:port or unix:///var/run/cilium/hubble.sock, without TLS; may be repeated
                     (default: the relay in the cluster, by a port forward)
  --skip CHECK       leaves a check out; may be repeated
  --strict           a warning fails too
  --json             one JSON object instead of the table; with --watch one a line
  --junit FILE       writes the findings for CI, as JUnit has them
  --watch            looks again and again, and shows what changes; Ctrl-C ends it
  --interval TIME    how often, as in 30s (default: 15s)
  --rights           the roles that it needs, and nothing else; their bindings are to a group for you to rename
  --help             this text

Exit: 0, 1 when a check has failed or could not be made, 2 when the configuration or an option is wrong.

npm run verify -- --stack NAME --namespace NAMESPACE [options]
Shows who calls the pods of a namespace, by Hubble, and what the phase require makes of each.
  --namespace NAME   one of the stack's namespaces
  --evidence         watch for the whole window, and write rollout/<stack>/<namespace>.yaml; without it, what Hubble still remembers
  --window TIME      how long, as in 90m or 24h (default: rollout.evidenceWindow of the stack, a day unless it says otherwise)
  --server SERVER    as above
  --suggest          the intents that are missing, to be pasted below zero-trust:access, and nothing else
  --addresses        list callers outside the cluster by their addresses; without it they are counted

Ctrl-C ends it and keeps what was seen: the same command goes on from there.

Exit: 0, 1 when a caller would be cut off or not everything could be seen, 2 when the configuration or an option is wrong.`;

/** Options of one of the two alone. */
const ofHealth = ["skip", "strict", "json", "junit", "watch", "interval", "rights"] as const;
const ofCallers = ["evidence", "suggest", "addresses"] as const;

async function main(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  if (options === undefined) return print(usage);
  if (options.namespace !== undefined) return callers({ ...options, namespace: options.namespace });
  if (options.rights) {
    const config = loadConfig(readStackFile(".", options.stack), options.stack, { directory: "." });
    return print(
      verifyRights(config)
        .map((object) => dump(object, { noRefs: true }))
        .join("---\n"),
    );
  }
  return health(options);
}

/** Undefined where only the usage is asked for. */
function readOptions(argv: string[]) {
  return parsed(usage, () => {
    const { values } = parseArgs({
      args: argv,
      options: {
        stack: { type: "string" },
        namespace: { type: "string" },
        window: { type: "string" },
        server: { type: "string", multiple: true },
        skip: { type: "string", multiple: true },
        strict: { type: "boolean" },
        json: { type: "boolean" },
        junit: { type: "string" },
        watch: { type: "boolean" },
        interval: { type: "string" },
        rights: { type: "boolean" },
        evidence: { type: "boolean" },
        suggest: { type: "boolean" },
        addresses: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    if (values.help) return undefined;
    const { stack = "", namespace, window, interval, skip = [] } = values;
    if (stack === "") throw new UsageError(`write --stack\n\n${usage}`);
    const wrong = (namespace === undefined ? ofCallers : ofHealth).find((name) => values[name] !== undefined);
    if (wrong !== undefined)
      throw new UsageError(
        namespace === undefined
          ? `--${wrong} is about the callers of one namespace: add --namespace`
          : `--${wrong} is about the whole stack: leave out --namespace, or --${wrong}`,
      );
    if (namespace !== undefined && window !== undefined && !values.evidence)
      throw new UsageError("--window is how long --evidence watches: leave it out, or add --evidence");
    if (interval !== undefined && !values.watch)
      throw new UsageError("--interval is how often --watch looks: leave it out, or add --watch");
    const names = checks.map(({ name }) => name);
    const unknown = skip.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new UsageError(`--skip ${unknown}: write one of ${names.join(", ")}`);
    return {
      stack,
      namespace,
      server: values.server,
      window: window === undefined ? undefined : secondsOf("window", window),
      skip,
      strict: values.strict ?? false,
      json: values.json ?? false,
      junit: values.junit,
      watch: values.watch ?? false,
      interval: interval === undefined ? undefined : secondsOf("interval", interval),
      rights: values.rights ?? false,
      evidence: values.evidence ?? false,
      suggest: values.suggest ?? false,
      addresses: values.addresses ?? false,
    };
  });
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
