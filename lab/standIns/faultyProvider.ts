import { spawn } from "node:child_process";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { CreateRequest, DeleteRequest, UpdateRequest } from "@pulumi/pulumi/proto/provider_pb";
import { connectRaw, serveRaw, type Service } from "./rawCalls";

// Stands between the engine and a provider, which is the official one, and passes every call on: `faultyProvider.js PROVIDER [ARGUMENT...]`. With ZT_KILL_AFTER=NAME it
// stops the engine and the provider by SIGKILL after the write of the resource that Pulumi calls NAME and before the engine hears of it, with ZT_KILL_BEFORE=NAME
// before the write: as when the machine goes down. With ZT_KILL_AFTER_WRITE=N it is the Nth write of the update, whatever it is. No provider does that when it is asked to.

const [program = "", ...args] = process.argv.slice(2);
const provider = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
const engine = process.ppid;
const service = ResourceProviderService as unknown as Service;
let writes = 0;

/** The resource that a call writes, by Pulumi's name; undefined for other calls, and for previews. */
function writtenBy(method: string, request: Buffer): string | undefined {
  if (method === "delete") return nameOf(DeleteRequest.deserializeBinary(request));
  if (method !== "create" && method !== "update") return undefined;
  const write = (method === "create" ? CreateRequest : UpdateRequest).deserializeBinary(request);
  return write.getPreview() ? undefined : nameOf(write);
}

const nameOf = (request: { getUrn(): string }) => request.getUrn().split("::").at(-1);

function kill(): never {
  process.kill(engine, "SIGKILL");
  provider.kill("SIGKILL");
  process.kill(process.pid, "SIGKILL");
  throw new Error("still running");
}

function end(): never {
  provider.kill();
  process.exit();
}

provider.on("exit", (code) => process.exit(code ?? 1));
process.on("SIGTERM", end);
// An engine that is killed cannot end its plugins.
setInterval(() => process.ppid === engine || end(), 500).unref();

let output = "";
provider.stdout.on("data", (text: Buffer) => {
  const known = output.includes("\n");
  output += text.toString();
  if (known || !output.includes("\n")) return;
  const call = connectRaw(service, Number(output.trim()));
  void serveRaw(service, async (method, request) => {
    const name = writtenBy(method, request);
    if (name === undefined) return call(method, request);
    if (name === process.env["ZT_KILL_BEFORE"]) kill();
    const response = await call(method, request);
    writes++;
    if (name === process.env["ZT_KILL_AFTER"] || String(writes) === process.env["ZT_KILL_AFTER_WRITE"]) kill();
    return response;
  }).then(({ port }) => process.stdout.write(`${port}\n`));
});
