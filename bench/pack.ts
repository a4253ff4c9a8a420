// How long a policy pack takes for a stack, asked as the engine asks it: `node .build/bench/pack.js PACK DIRECTORY STACK`. Prints milliseconds, as JSON.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { credentials } from "@grpc/grpc-js";
import { AnalyzerClient } from "@pulumi/pulumi/proto/analyzer_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/analyzer_pb";
import { loadConfig } from "../config/load";
import { passedOn } from "../config/accessFile";
import type { StackConfig } from "../core/schema/schema";
import { readStackFile } from "../config/stackFile";
import { previousFor } from "../plan/origins";
import { plan, type Plan } from "../plan/plan";
import { types } from "../components/types";
import { struct, type Fields } from "../test/lab/provider/values";

const [pack = "policy", directory = ".", name = "apps"] = process.argv.slice(2);
const runner = resolve("node_modules/@pulumi/pulumi/cmd/run-policy-pack");

async function main(): Promise<void> {
  const values = readStackFile(directory, name);
  const config = loadConfig(values, name, { directory });
  const previous = previousFor("on", config);
  const resources = resourcesOf(plan(config, previous), config.cluster, previous);

  const beforeStart = performance.now();
  const child = start(values);
  try {
    const [port] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
    const beforeObjects = performance.now();
    const ask = clientOf(String(port).trim());
    for (const resource of resources) judged(await ask.analyze(describe(new proto.AnalyzeRequest(), resource)));
    const beforeStack = performance.now();
    const request = new proto.AnalyzeStackRequest().setResourcesList(
      resources.map((resource) =>
        describe(new proto.AnalyzerResource(), resource)
          .setParent(resource.parent ?? "")
          .setDependenciesList([...resource.dependencies]),
      ),
    );
    judged(await ask.analyzeStack(request));
    const times = {
      start: beforeObjects - beforeStart,
      objects: beforeStack - beforeObjects,
      stack: performance.now() - beforeStack,
    };
    process.stdout.write(JSON.stringify({ resources: resources.length, ...times }));
  } finally {
    child.kill();
  }
}

function clientOf(port: string) {
  const client = new AnalyzerClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.max_send_message_length": -1,
  });
  return {
    analyze: promisify(client.analyze.bind(client) as Ask<proto.AnalyzeRequest>),
    analyzeStack: promisify(client.analyzeStack.bind(client) as Ask<proto.AnalyzeStackRequest>),
  };
}

type Ask<Request> = (
  request: Request,
  answer: (error: Error | null, response: proto.AnalyzeResponse | undefined) => void,
) => void;

/** The pack as the engine starts it, with the stack's configuration. */
function start(values: Readonly<Record<string, unknown>>): ChildProcess {
  const { accessFile } = values;
  // The pack reads it beside its own project.
  const here = typeof accessFile === "string" ? { accessFile: relative(".", join(directory, accessFile)) } : {};
  const env = {
    PULUMI_CONFIG: JSON.stringify(passedOn({ ...values, ...here })),
    PULUMI_NODEJS_PROJECT: "zero-trust",
    PULUMI_NODEJS_STACK: name,
  };
  // The engine's address is not used before the pack asks something.
  return spawn(process.execPath, [runner, "127.0.0.1:1", resolve(pack)], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** A pack that stops this stack measures less than its work. */
function judged(response: proto.AnalyzeResponse | undefined): void {
  const stopped = response
    ?.getDiagnosticsList()
    .find((said) => said.getEnforcementlevel() === proto.EnforcementLevel.MANDATORY);
  if (stopped) throw new Error(`${stopped.getPolicyname()}: ${stopped.getMessage()}`);
}

interface Resource {
  readonly type: string;
  readonly name: string;
  readonly props: Fields;
  readonly parent?: string;
  readonly dependencies: readonly string[];
  /** The arguments of the provider that it goes through. */
  readonly provider?: Fields;
}

/** A plan's resources, with each other's URNs. */
function resourcesOf(
  { components, outputs, ciliumValues }: Plan,
  { context, identity }: StackConfig["cluster"],
  previous: object,
): Resource[] {
  const provider = { context, clusterIdentifier: identity };
  const made = components.flatMap(({ kind, name, args, objects, after }) => {
    const before = components.filter((other) => after.includes(other.name)).flatMap((other) => other.objects);
    return [
      { type: types[kind], name, props: { ...args, values: ciliumValues }, after: before.map(({ name }) => name) },
      ...objects.map((object) => ({
        type: `kubernetes:${object.manifest.apiVersion}:${object.manifest.kind}`,
        name: object.name,
        props: object.manifest,
        parent: name,
        after: object.after,
        provider,
      })),
    ];
  });
  const all = [{ type: types.Rollout, name: "rollout", props: { ...outputs.rollout, previous }, after: [] }, ...made];
  const urns = new Map(all.map(({ type, name }) => [name, urnOf(type, name)]));
  return all.map(({ after, ...resource }) => ({
    ...resource,
    ...("parent" in resource && { parent: urns.get(resource.parent) ?? "" }),
    dependencies: after.flatMap((name) => urns.get(name) ?? []),
  }));
}

const urnOf = (type: string, resource: string) => `urn:pulumi:${name}::zero-trust::${type}::${resource}`;

function describe<M extends proto.AnalyzeRequest | proto.AnalyzerResource>(
  message: M,
  { type, name, props, provider }: Resource,
): M {
  message.setType(type);
  message.setName(name);
  message.setUrn(urnOf(type, name));
  message.setProperties(struct(props));
  message.setOptions(new proto.AnalyzerResourceOptions());
  const providerType = "pulumi:providers:kubernetes";
  if (provider)
    message.setProvider(
      new proto.AnalyzerProviderResource()
        .setType(providerType)
        .setName("cluster")
        .setUrn(urnOf(providerType, "cluster"))
        .setProperties(struct(provider)),
    );
  return message;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
