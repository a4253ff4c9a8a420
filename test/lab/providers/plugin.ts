import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import * as grpc from "@grpc/grpc-js";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { withFaults } from "./faults";
import { differenceMessage, fields, filled, serviceError, struct } from "./messages";
import type { Saved } from "./saved";
import type { Fields } from "./values";

/** Which resource a call is about. */
export interface Subject {
  /** `kubernetes:core/v1:ConfigMap`. */
  readonly type: string;
  /** Pulumi's name, not the object's. */
  readonly name: string;
  /** Empty before it exists. */
  readonly id: string;
}

export interface Difference {
  /** By property path as Pulumi writes it; empty: no change. */
  readonly paths: Readonly<Record<string, { readonly kind: "add" | "delete" | "update"; readonly replace: boolean }>>;
  readonly deleteBeforeReplace: boolean;
}

/** One operation's limits: seconds from `customTimeouts`, 0 without one, and whether nothing may be changed. */
export interface Mode {
  readonly preview: boolean;
  readonly timeout: number;
}

/** A resource provider as the engine uses one, on plain values: what was secret is revealed, the engine marks it again. */
export interface Plugin {
  readonly version: string;
  configure(args: Fields): Promise<void>;
  /** Names of the provider's own arguments that, changed, replace it and everything it made. */
  diffConfig(olds: Fields, news: Fields): readonly string[];
  check(subject: Subject, news: Fields): Promise<{ inputs: Fields; failures: readonly string[] }>;
  diff(subject: Subject, olds: { state: Fields; inputs: Fields }, news: Fields): Promise<Difference>;
  create(subject: Subject, news: Fields, mode: Mode): Promise<Saved>;
  /** Undefined: it is gone. */
  read(subject: Subject, state: Fields, inputs: Fields): Promise<(Saved & { inputs: Fields }) | undefined>;
  update(subject: Subject, state: Fields, news: Fields, mode: Mode): Promise<Saved>;
  delete(subject: Subject, state: Fields, mode: Mode): Promise<void>;
}

/** Serves a provider to the engine that started this process: prints the port, and listens on loopback. */
export function serve(plugin: Plugin): void {
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1 });
  server.addService(ResourceProviderService, handlers(plugin));
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${port}\n`);
  });
  // An engine that was killed leaves nothing behind.
  const engine = process.ppid;
  setInterval(() => process.ppid === engine || process.exit(), 500).unref();
}

function handlers(plugin: Plugin): grpc.UntypedServiceImplementation {
  const methods: grpc.UntypedServiceImplementation = {
    getPluginInfo: unary(() => filled(new PluginInfo(), { Version: plugin.version })),
    checkConfig: unary((request: proto.CheckRequest) =>
      filled(new proto.CheckResponse(), { Inputs: request.getNews() }),
    ),
    diffConfig: unary((request: proto.DiffRequest) => {
      const [olds, news] = [fields(request.getOldInputs() ?? request.getOlds()), fields(request.getNews())];
      const replaces = [...plugin.diffConfig(olds, news)];
      const changed = JSON.stringify(olds) === JSON.stringify(news) ? 1 : 2;
      return filled(new proto.DiffResponse(), { Changes: changed, ReplacesList: replaces });
    }),
    configure: unary(async (request: proto.ConfigureRequest) => {
      await plugin.configure(fields(request.getArgs()));
      return filled(new proto.ConfigureResponse(), { Supportspreview: true });
    }),
    check: unary(async (request: proto.CheckRequest) => {
      const { inputs, failures } = await plugin.check(subjectOf(request.getUrn()), fields(request.getNews()));
      const list = failures.map((Reason) => filled(new proto.CheckFailure(), { Reason }));
      return filled(new proto.CheckResponse(), { Inputs: struct(inputs), FailuresList: list });
    }),
    diff: unary(async (request: proto.DiffRequest) => {
      const subject = subjectOf(request.getUrn(), request.getId());
      const olds = { state: fields(request.getOlds()), inputs: fields(request.getOldInputs()) };
      return differenceMessage(await plugin.diff(subject, olds, fields(request.getNews())));
    }),
    create: unary(async (request: proto.CreateRequest) => {
      const subject = subjectOf(request.getUrn());
      const mode = { preview: request.getPreview(), timeout: request.getTimeout() };
      const news = fields(request.getProperties());
      const { id, state } = await withFaults(subject.name, mode, () => plugin.create(subject, news, mode));
      return filled(new proto.CreateResponse(), { Id: id, Properties: struct(state) });
    }),
    read: unary(async (request: proto.ReadRequest) => {
      const subject = subjectOf(request.getUrn(), request.getId());
      const found = await plugin.read(subject, fields(request.getProperties()), fields(request.getInputs()));
      if (found === undefined) return new proto.ReadResponse();
      const { id, state, inputs } = found;
      return filled(new proto.ReadResponse(), { Id: id, Properties: struct(state), Inputs: struct(inputs) });
    }),
    update: unary(async (request: proto.UpdateRequest) => {
      const subject = subjectOf(request.getUrn(), request.getId());
      const mode = { preview: request.getPreview(), timeout: request.getTimeout() };
      const [olds, news] = [fields(request.getOlds()), fields(request.getNews())];
      const { state } = await withFaults(subject.name, mode, () => plugin.update(subject, olds, news, mode));
      return filled(new proto.UpdateResponse(), { Properties: struct(state) });
    }),
    delete: unary(async (request: proto.DeleteRequest) => {
      const subject = subjectOf(request.getUrn(), request.getId());
      const mode = { preview: false, timeout: request.getTimeout() };
      await withFaults(subject.name, mode, () => plugin.delete(subject, fields(request.getProperties()), mode));
      return new Empty();
    }),
    cancel: unary(() => new Empty()),
    attach: unary(() => new Empty()),
  };
  const absent: grpc.handleUnaryCall<unknown, unknown> = (_, answer) => answer({ code: grpc.status.UNIMPLEMENTED });
  for (const name of Object.keys(ResourceProviderService)) methods[name] ??= absent;
  return methods;
}

function unary<Request, Response>(handle: (request: Request) => Response | Promise<Response>) {
  return (call: grpc.ServerUnaryCall<Request, Response>, answer: grpc.sendUnaryData<Response>): void => {
    Promise.resolve()
      .then(() => handle(call.request))
      .then((response) => answer(null, response))
      .catch((error: unknown) => answer(serviceError(error)));
  };
}

/** From `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`. */
function subjectOf(urn: string, id = ""): Subject {
  const [, , types = "", ...name] = urn.split("::");
  return { type: types.split("$").at(-1) ?? "", name: name.join("::"), id };
}
