import { spawn } from "node:child_process";
import { once } from "node:events";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import * as grpc from "@grpc/grpc-js";
import type { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { fields, struct, type Fields } from "./values";

/** A resource as the engine would have it in its state. */
export interface Resource {
  readonly id: string;
  readonly state: Fields;
  readonly inputs: Fields;
}

/** What the provider answered when a resource exists but is not ready. */
export class InitFailed extends Error {
  constructor(
    message: string,
    readonly resource: Resource,
  ) {
    super(message);
  }
}

export type Driver = Awaited<ReturnType<typeof startProvider>>;

/** Starts a provider's executable and talks to it as the engine does. */
export async function startProvider(program: string, args: Fields, environment: NodeJS.ProcessEnv = {}) {
  const plugin = spawn(program, ["127.0.0.1:1"], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [chunk] = (await once(plugin.stdout, "data")) as [Buffer];
  const address = `127.0.0.1:${chunk.toString().trim()}`;
  const client = new ResourceProviderClient(address, grpc.credentials.createInsecure());
  const configure = new proto.ConfigureRequest();
  configure.setArgs(struct(args));
  // The provider reads its flags from these.
  for (const [name, value] of Object.entries(args))
    configure.getVariablesMap().set(`kubernetes:config:${name}`, String(value));
  configure.setAcceptsecrets(true);
  configure.setSendsOldInputs(true);
  await call<proto.ConfigureResponse>((answer) => client.configure(configure, answer));

  return {
    /** The version that it tells the engine. */
    async version(): Promise<string> {
      return (await call<PluginInfo>((answer) => client.getPluginInfo(new Empty(), answer))).getVersion();
    },
    async check(type: string, inputs: Fields): Promise<{ inputs: Fields; failures: string[] }> {
      const request = new proto.CheckRequest();
      request.setUrn(urnOf(type));
      request.setNews(struct(inputs));
      request.setRandomseed(new Uint8Array(32));
      const response = await call<proto.CheckResponse>((answer) => client.check(request, answer));
      return {
        inputs: fields(response.getInputs()),
        failures: response.getFailuresList().map((failure) => failure.getReason()),
      };
    },
    async diff(type: string, old: Resource, news: Fields) {
      const request = new proto.DiffRequest();
      request.setUrn(urnOf(type));
      request.setId(old.id);
      request.setOlds(struct(old.state));
      request.setOldInputs(struct(old.inputs));
      request.setNews(struct(news));
      const response = await call<proto.DiffResponse>((answer) => client.diff(request, answer));
      return {
        changed: response.getChanges() === proto.DiffResponse.DiffChanges.DIFF_SOME,
        replaces: response.getReplacesList(),
        deleteBeforeReplace: response.getDeletebeforereplace(),
        paths: (response.getDetaileddiffMap().toArray() as [string, unknown][]).map(([path]) => path).sort(),
      };
    },
    async create(type: string, inputs: Fields, { preview = false, timeout = 0, name = "it" } = {}): Promise<Resource> {
      const request = new proto.CreateRequest();
      request.setUrn(urnOf(type, name));
      request.setProperties(struct(inputs));
      request.setPreview(preview);
      request.setTimeout(timeout);
      const response = await call<proto.CreateResponse>((answer) => client.create(request, answer), inputs);
      return { id: response.getId(), state: fields(response.getProperties()), inputs };
    },
    async update(type: string, old: Resource, inputs: Fields, { preview = false, timeout = 0 } = {}) {
      const request = new proto.UpdateRequest();
      request.setUrn(urnOf(type));
      request.setId(old.id);
      request.setOlds(struct(old.state));
      request.setOldInputs(struct(old.inputs));
      request.setNews(struct(inputs));
      request.setPreview(preview);
      request.setTimeout(timeout);
      const response = await call<proto.UpdateResponse>((answer) => client.update(request, answer), inputs);
      return { id: old.id, state: fields(response.getProperties()), inputs };
    },
    async read(type: string, old: Resource): Promise<Resource> {
      const request = new proto.ReadRequest();
      request.setUrn(urnOf(type));
      request.setId(old.id);
      request.setProperties(struct(old.state));
      request.setInputs(struct(old.inputs));
      const response = await call<proto.ReadResponse>((answer) => client.read(request, answer), old.inputs);
      return { id: response.getId(), state: fields(response.getProperties()), inputs: fields(response.getInputs()) };
    },
    async delete(type: string, old: Resource, { timeout = 0 } = {}): Promise<void> {
      const request = new proto.DeleteRequest();
      request.setUrn(urnOf(type));
      request.setId(old.id);
      request.setProperties(struct(old.state));
      request.setOldInputs(struct(old.inputs));
      request.setTimeout(timeout);
      await call((answer) => client.delete(request, answer));
    },
    async stop(): Promise<void> {
      client.close();
      const gone = once(plugin, "exit");
      plugin.kill();
      await gone;
    },
  };
}

/** @param inputs of the operation, for the resource that an init failure is about */
async function call<Response>(
  send: (answer: (error: grpc.ServiceError | null, response?: Response) => void) => unknown,
  inputs: Fields = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    send((error, response) => {
      if (error) return reject(failure(error, inputs));
      if (response === undefined) return reject(new Error("no answer"));
      resolve(response);
    });
  });
}

function failure(error: grpc.ServiceError, inputs: Fields): Error {
  const [details] = error.metadata.get("grpc-status-details-bin");
  if (details === undefined) return new Error(error.details);
  const [any] = Status.deserializeBinary(details as Buffer).getDetailsList();
  const failed = proto.ErrorResourceInitFailed.deserializeBinary((any?.getValue_asU8() ?? []) as Uint8Array);
  const given = failed.getInputs();
  return new InitFailed(failed.getReasonsList().join("; "), {
    id: failed.getId(),
    state: fields(failed.getProperties()),
    inputs: given ? fields(given) : inputs,
  });
}

const urnOf = (type: string, name = "it") => `urn:pulumi:apps::zero-trust::${type}::${name}`;
