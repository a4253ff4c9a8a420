import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import * as grpc from "@grpc/grpc-js";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import type { Difference } from "./plugin";
import { NotReady } from "./saved";
import { revealed, type Fields } from "./values";

/** A resource that is not ready travels in the error's details (Pulumi's protocol, ErrorResourceInitFailed). */
export function serviceError(error: unknown): Partial<grpc.StatusObject> {
  const message = error instanceof Error ? error.message : String(error);
  const metadata = new grpc.Metadata();
  if (error instanceof NotReady) {
    const { id, state } = error.saved;
    const detail = filled(new proto.ErrorResourceInitFailed(), {
      Id: id,
      Properties: struct(state),
      ReasonsList: [message],
      ...(error.inputs && { Inputs: struct(error.inputs) }),
    });
    const any = new Any();
    any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const status = filled(new Status(), { Code: grpc.status.UNKNOWN, Message: message, DetailsList: [any] });
    metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  }
  return { code: grpc.status.UNKNOWN, details: message, metadata };
}

/** In the protocol's terms, with the paths for a preview to show. */
export function differenceMessage({ paths, deleteBeforeReplace }: Difference): proto.DiffResponse {
  const entries = Object.entries(paths);
  const response = filled(new proto.DiffResponse(), {
    Changes: entries.length === 0 ? 1 : 2,
    ReplacesList: entries.filter(([, { replace }]) => replace).map(([path]) => path),
    DiffsList: [...new Set(entries.map(([path]) => /^[^.[]+/.exec(path)?.[0] ?? path))],
    Deletebeforereplace: deleteBeforeReplace,
    Hasdetaileddiff: true,
  });
  const kinds = { add: 0, delete: 2, update: 4 };
  for (const [path, { kind, replace }] of entries) {
    const Kind = kinds[kind] + (replace ? 1 : 0);
    response.getDetaileddiffMap().set(path, filled(new proto.PropertyDiff(), { Kind, Inputdiff: true }));
  }
  return response;
}

/** Calls the setters that are named. */
export function filled<M extends object>(message: M, values: Readonly<Record<string, unknown>>): M {
  const setters = message as Record<string, (value: unknown) => void>;
  for (const [name, value] of Object.entries(values)) setters[`set${name}`]?.call(message, value);
  return message;
}

/** Properties from the engine, with secrets revealed: it marks them again in what it gets back. */
export const fields = (given: Struct | undefined): Fields => revealed(given?.toJavaScript() ?? {}) as Fields;
/** Properties for the engine. */
export const struct = (value: Fields): Struct =>
  Struct.fromJavaScript(JSON.parse(JSON.stringify(value)) as Record<string, JavaScriptValue>);
