import { parseArgs } from "node:util";
import { admittingPolicy } from "../../components/access/cilium/policies";
import type { Call, Peer } from "../../core/access/decide";
import { explain, type Explanation } from "../../core/access/explain";
import { ztunnelNote } from "../../components/access/mesh";
import { entities, type Entity } from "../../core/schema/intent";
import { ConfigError, loadConfig } from "../../config/load";
import { isInNetwork } from "../../core/util/network";
import type { Intent, StackConfig } from "../../core/schema/schema";
import { listStacks, readStackFile } from "../../config/stackFile";
import { previousFor } from "../../plan/origins";
import { accessStateOf, plan } from "../../plan/plan";
import { isSystemError, parsed, print, runCommand, UsageError } from "../lib/command";

const usage = `Names the rule that lets a call pass or denies it, as the stack file has it.

npm run explain -- --from web/frontend --to orders/api [options]
  --from WHO        a workload as NAMESPACE/SERVICEACCOUNT, or TRUSTDOMAIN/NAMESPACE/SERVICEACCOUNT, one of ${entities.join(", ")}, or an IP address outside the cluster
  --to TARGET       NAMESPACE/INTENT for the pods that an intent is about, or NAMESPACE with --label
  --label KEY=VALUE of the called pod; may be repeated
  --port PORT       the container's (default: the intent's)
  --method METHOD   of a request (default with --path: GET)
  --path PATH       of a request (default with --method: /); without both it is the connection that is judged
  --stack NAME      needed where there are several
  --set KEY=VALUE   on top of the stack file, as pulumi config set --path would; may be repeated
  --json            one JSON object instead of the text
  --help            this text

Exit: 0 when the call is allowed, 1 when it is denied, 2 when the configuration or an option is wrong.`;

function main(argv: string[]): number {
  const options = readOptions(argv);
  if (options.help) return print(usage);
  const stack = options.stack ?? onlyStack();
  const config = loadConfig(readStackFile(".", stack, options.set ?? []), stack);
  const { phases, intents } = accessStateOf(config, plan(config, previousFor(config.auth ? "on" : "off", config)));
  const call = callOf(intents, options, config.trustDomain);
  const explained = explain(intents, phases, call, meshOf(config), {
    source: config.accessFile,
    waypoint: config.mesh?.istio?.mode === "ambient" ? config.mesh.istio.waypoint : undefined,
    policyOf: (intent) => {
      const { name, description } = admittingPolicy(
        intents.filter(({ target }) => target.namespace === intent.target.namespace),
        intent,
      );
      return `${name} (${description})`;
    },
  });
  const explanation = config.mesh?.ztunnel ? { ...explained, notes: [...explained.notes, ztunnelNote] } : explained;
  if (options.json) print(JSON.stringify({ stack, call, ...explanation }, null, 2));
  else
    print(
      textOf(
        `${options.from} -> ${options.to}:${call.port}${call.http ? ` ${call.http.method} ${call.http.path}` : ""}`,
        explanation,
      ),
    );
  return explanation.allowed ? 0 : 1;
}

const meshOf = ({ mesh }: StackConfig) => (mesh?.istio ? "istio" : mesh?.linkerd ? "linkerd" : "cilium");

function onlyStack(): string {
  const [stack, ...others] = listStacks(".");
  if (stack === undefined)
    throw new UsageError("There is no Pulumi.<stack>.yaml here; run this in the project's directory.");
  if (others.length > 0) throw new UsageError(`--stack is missing: write one of ${[stack, ...others].join(", ")}`);
  return stack;
}

type Options = ReturnType<typeof readOptions>;

function callOf(intents: readonly Intent[], options: Options, trustDomain: string): Call {
  const [namespace = "", name] = (options.to ?? "").split("/");
  if (namespace === "") throw new UsageError("--to is missing: write NAMESPACE/INTENT, as in --to orders/api");
  const { labels, port } =
    name === undefined
      ? { labels: labelsOf(options.label ?? []), port: undefined }
      : targetOf(intents, namespace, name);
  const wanted = options.port === undefined ? port : Number(options.port);
  if (wanted === undefined) throw new UsageError("--port is missing");
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 65535)
    throw new UsageError(`--port ${options.port}: write a number from 1 to 65535`);
  const { method, path } = options;
  if (path !== undefined && !path.startsWith("/"))
    throw new UsageError(`--path ${path}: write a path that begins with /`);
  const http =
    method === undefined && path === undefined ? {} : { http: { method: method ?? "GET", path: path ?? "/" } };
  return { from: peerOf(options.from ?? "", trustDomain), to: { namespace, labels }, port: wanted, ...http };
}

function targetOf(intents: readonly Intent[], namespace: string, name: string) {
  const here = intents.filter(({ target }) => target.namespace === namespace);
  const intent = here.find((one) => one.name === name);
  if (intent) return { labels: intent.target.selector, port: intent.port };
  const names = here
    .map((one) => `${namespace}/${one.name}`)
    .slice(0, 20)
    .join(", ");
  throw new UsageError(
    `--to ${namespace}/${name}: there is no such intent. ${names ? `Write one of ${names}` : `There are none in ${namespace}`}, or --to ${namespace} --label KEY=VALUE --port PORT`,
  );
}

function labelsOf(labels: readonly string[]): Record<string, string> {
  if (labels.length === 0)
    throw new UsageError(
      "--to is a namespace alone: write NAMESPACE/INTENT, or the labels of the pod as --label KEY=VALUE",
    );
  return Object.fromEntries(
    labels.map((label) => {
      const [key = "", value] = label.split(/=(.*)/s);
      if (value === undefined) throw new UsageError(`--label ${label} has no =`);
      return [key, value];
    }),
  );
}

/** @param own the stack's trust domain */
function peerOf(from: string, own: string): Peer {
  const entity = entities.find((one): one is Entity => one === from);
  if (entity) return { entities: [entity] };
  if (isInNetwork(from, "0.0.0.0/0") || isInNetwork(from, "::/0")) return { entities: ["world"], address: from };
  const [serviceAccount = "", namespace = "", trustDomain = own, ...rest] = from.split("/").reverse();
  if ([serviceAccount, namespace, trustDomain].includes("") || serviceAccount === "*" || rest.length > 0)
    throw new UsageError(
      `--from ${from}: write NAMESPACE/SERVICEACCOUNT, TRUSTDOMAIN/NAMESPACE/SERVICEACCOUNT, one of ${entities.join(", ")}, or an IP address`,
    );
  return { namespace, serviceAccount, ...(trustDomain === own ? {} : { trustDomain }) };
}

function textOf(
  what: string,
  { allowed, mustAuthenticate, phase, rules, because, notes, nearMisses }: Explanation,
): string {
  return [
    `${what}  ${allowed ? `allowed${mustAuthenticate ? ", once authenticated" : ""}` : "denied"}`,
    `  ${because}`,
    ...rules.map(
      ({ intent, place, object }) => `  ${intent} is ${place} of the configuration, and ${object} in the cluster`,
    ),
    `  phase: ${phase}`,
    ...notes.map((note) => `  ${note}`),
    ...nearMisses.map((miss) => `  near: ${miss}`),
  ].join("\n");
}

function readOptions(argv: string[]) {
  return parsed(usage, () => {
    const one = { type: "string" } as const;
    const many = { type: "string", multiple: true } as const;
    const flag = { type: "boolean", default: false } as const;
    return parseArgs({
      args: argv,
      options: {
        from: one,
        to: one,
        label: many,
        port: one,
        method: one,
        path: one,
        stack: one,
        set: many,
        json: flag,
        help: flag,
      },
    }).values;
  });
}

runCommand(
  () => main(process.argv.slice(2)),
  (error) => error instanceof ConfigError || isSystemError(error),
);
