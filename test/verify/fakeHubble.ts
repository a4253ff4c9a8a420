import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { observerDefinition, type Flow, type GetFlowsResponse } from "../../verify/observer";

/** What was asked for, as the server has read it from the wire. */
export interface Asked {
  readonly follow: boolean;
  readonly since: { readonly seconds: number; readonly nanos: number } | null;
  readonly whitelist: readonly { readonly destination_pod: readonly string[] }[];
}

export interface FakeHubble {
  /** What to dial: a socket of its own, as an agent has. */
  readonly server: string;
  readonly asked: Asked[];
  /** No longer listens, until `listen` is called. */
  stop(): void;
  listen(): Promise<void>;
}

/** A message, of which only what matters is written. */
export type Message = { [key in keyof GetFlowsResponse]?: unknown } | Flow;

/** One stream of a client's. */
export interface Stream {
  readonly asked: Asked;
  send(...messages: Message[]): void;
  end(): void;
  fail(code: number, details: string): void;
}

const isFlow = (message: Message): message is Flow => "uuid" in message;

/** Runs a Hubble that speaks our part of its API, on a socket of its own, while `use` runs. `answer` is called for each stream. */
export async function withHubble(
  answer: (stream: Stream, index: number) => void,
  use: (hubble: FakeHubble) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-hubble-"));
  const address = `unix://${join(directory, "hubble.sock")}`;
  const definition = loadPackageDefinition(observerDefinition()) as unknown as {
    observer: { Observer: ServiceClientConstructor };
  };
  const asked: Asked[] = [];
  let server: Server | undefined;
  const hubble: FakeHubble = {
    server: address,
    asked,
    stop: () => {
      server?.forceShutdown();
      server = undefined;
    },
    listen: async () => {
      server = new Server();
      server.addService(definition.observer.Observer.service, {
        GetFlows: (stream: ServerWritableStream<Asked, object>) => {
          asked.push(stream.request);
          answer(
            {
              asked: stream.request,
              send: (...messages) => {
                for (const message of messages)
                  stream.write(
                    isFlow(message) ? { flow: message, node_name: "default/node1", time: message.time } : message,
                  );
              },
              end: () => stream.end(),
              fail: (code, details) => void stream.emit("error", Object.assign(new Error(details), { code, details })),
            },
            asked.length - 1,
          );
        },
      });
      await new Promise<void>((resolve, reject) =>
        server?.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
      );
    },
  };
  await hubble.listen();
  try {
    await use(hubble);
  } finally {
    hubble.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What a relay says of nodes. */
export const nodes = (state_change: string, ...node_names: string[]): Message => ({
  node_status: { state_change, node_names: node_names.map((name) => `default/${name}`), message: "" },
  node_name: "default/relay",
});

export const lost = (num_events_lost: number): Message => ({
  lost_events: { num_events_lost },
  node_name: "default/node1",
});
