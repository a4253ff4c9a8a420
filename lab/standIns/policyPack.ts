import { spawn } from "node:child_process";
import * as grpc from "@grpc/grpc-js";
import { AnalyzerService } from "@pulumi/pulumi/proto/analyzer_grpc_pb";
import { AnalyzerStackConfigureRequest } from "@pulumi/pulumi/proto/analyzer_pb";
import { RunPluginResponse, type RunPluginRequest } from "@pulumi/pulumi/proto/language_pb";
import { connectRaw, serveRaw, type Service } from "./rawCalls";

const service = AnalyzerService as unknown as Service;

type Call = grpc.ServerWritableStream<RunPluginRequest, RunPluginResponse>;

/**
 * Starts a policy pack for the engine as Pulumi's language host does (pulumi/pulumi#21684): tells the engine the port of an analyzer of its own, waits for the stack's
 * configuration, which comes by the call `ConfigureStack`, then starts the pack's runner with the configuration in its environment, and passes all other calls on to
 * it. Without a stack, as in `pulumi policy publish`, no such call comes.
 */
export function runPlugin(call: Call): void {
  const tell = (fill: (message: RunPluginResponse) => void) => {
    const message = new RunPluginResponse();
    fill(message);
    call.write(message);
  };
  let pack: Promise<ReturnType<typeof connectRaw>> | undefined;
  const answer = async (method: string, request: Buffer): Promise<Buffer> => {
    // The engine goes on without it, and packs may not have it.
    if (method === "handshake") throw unimplemented;
    pack ??= startPack(call, tell, method === "configureStack" ? environmentOf(request) : {});
    return (await pack)(method, request);
  };
  void serveRaw(service, answer).then(({ server, port }) => {
    tell((message) => message.setStdout(Buffer.from(`${port}\n`)));
    call.on("cancelled", () => server.forceShutdown());
  });
}

const unimplemented = Object.assign(new Error("not implemented"), { code: grpc.status.UNIMPLEMENTED });

/** Starts the pack's runner, which ends with the call. */
function startPack(
  call: Call,
  tell: (fill: (message: RunPluginResponse) => void) => void,
  environment: NodeJS.ProcessEnv,
): Promise<ReturnType<typeof connectRaw>> {
  const { request } = call;
  const directory = request.getInfo()?.getProgramDirectory() ?? "";
  const runner = require.resolve("@pulumi/pulumi/cmd/run-policy-pack", { paths: [directory] });
  const child = spawn(process.execPath, [runner, ...request.getArgsList(), directory], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  call.on("cancelled", () => child.kill());
  process.on("exit", () => child.kill());
  child.stderr.on("data", (text: Buffer) => tell((message) => message.setStderr(text)));
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout.on("data", (text: Buffer) => {
      output += text.toString();
      const port = /^(\d+)\n/.exec(output)?.[1];
      if (port !== undefined) resolve(connectRaw(service, Number(port)));
    });
    child.on("close", (code) => {
      reject(Object.assign(new Error(`the policy pack ended with ${code}`), { code: grpc.status.UNAVAILABLE }));
      tell((message) => message.setExitcode(code ?? 1));
      call.end();
    });
  });
}

/** The variables from which the SDK in the pack reads the stack's configuration. */
function environmentOf(request: Buffer): NodeJS.ProcessEnv {
  const stack = AnalyzerStackConfigureRequest.deserializeBinary(request);
  const config: Record<string, string> = {};
  stack.getConfigMap().forEach((value: string, key: string) => (config[key] = value));
  const names = {
    ORGANIZATION: stack.getOrganization(),
    PROJECT: stack.getProject(),
    STACK: stack.getStack(),
    DRY_RUN: String(stack.getDryRun()),
  };
  return {
    PULUMI_CONFIG: JSON.stringify(config),
    ...Object.fromEntries(
      Object.entries(names).flatMap(([name, value]) => [
        [`PULUMI_${name}`, value],
        [`PULUMI_NODEJS_${name}`, value],
      ]),
    ),
  };
}
