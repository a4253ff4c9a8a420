import { spawn } from "node:child_process";
import * as grpc from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import {
  GetRequiredPackagesResponse,
  GetRequiredPluginsResponse,
  RunResponse,
  type RunRequest,
} from "@pulumi/pulumi/proto/language_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { runPlugin } from "./policyPack";

// Stands in for Pulumi's own Node language host, `pulumi-language-nodejs`, which is no Go module and so cannot be built here: the engine starts it, it tells
// its port, and runs the program when it is asked to. Nothing but what this program needs.

const engineAddress = process.argv.slice(2).find((argument) => !argument.startsWith("-")) ?? "";
const engine = new EngineClient(engineAddress, grpc.credentials.createInsecure());

/** What the SDK exits with when it has already said what is wrong (nodejs/cmd/run). */
const alreadySaid = 32;

function run({ request }: grpc.ServerUnaryCall<RunRequest, RunResponse>, done: grpc.sendUnaryData<RunResponse>): void {
  const config: Record<string, string> = {};
  request.getConfigMap().forEach((value, key) => (config[key] = value));
  const options = {
    monitor: request.getMonitorAddress(),
    engine: engineAddress,
    project: request.getProject(),
    stack: request.getStack(),
    organization: request.getOrganization(),
    pwd: request.getPwd(),
    "root-directory": request.getPwd(),
    parallel: String(request.getParallel()),
  };
  const program = spawn(
    process.execPath,
    [
      require.resolve("@pulumi/pulumi/cmd/run", { paths: [request.getPwd()] }),
      ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
      ...(request.getDryrun() ? ["--dry-run"] : []),
      request.getInfo()?.getEntryPoint() ?? ".",
    ],
    {
      cwd: request.getPwd(),
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        PULUMI_CONFIG: JSON.stringify(config),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
      },
    },
  );
  const forward = (severity: typeof LogSeverity.INFO) => (text: Buffer) => {
    const message = new LogRequest();
    message.setSeverity(severity);
    message.setMessage(text.toString());
    engine.log(message, () => undefined);
  };
  program.stdout.on("data", forward(LogSeverity.INFO));
  program.stderr.on("data", forward(LogSeverity.INFO));
  program.on("close", (code) => {
    const response = new RunResponse();
    if (code === alreadySaid) response.setBail(true);
    else if (code !== 0) response.setError(`program exited with ${code}`);
    done(null, response);
  });
}

const reply =
  <T>(make: () => T) =>
  (_: unknown, done: grpc.sendUnaryData<T>) =>
    done(null, make());
const info = () => {
  const version = new PluginInfo();
  version.setVersion("0.0.0");
  return version;
};
/** The service as it was generated: each method with the class of its answer. */
const service = LanguageRuntimeService as unknown as Readonly<Record<string, { responseType: new () => unknown }>>;
const implementation: Record<string, unknown> = {
  ...Object.fromEntries(
    Object.entries(service).map(([method, { responseType }]) => [method, reply(() => new responseType())]),
  ),
  getPluginInfo: reply(info),
  getRequiredPlugins: reply(() => new GetRequiredPluginsResponse()),
  getRequiredPackages: reply(() => new GetRequiredPackagesResponse()),
  run,
  runPlugin,
};

// An engine that was killed cannot end its plugins.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(1), 1000).unref();

const server = new grpc.Server();
server.addService(service as unknown as grpc.ServiceDefinition, implementation as grpc.UntypedServiceImplementation);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
