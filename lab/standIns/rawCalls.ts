import * as grpc from "@grpc/grpc-js";

/** The methods of a gRPC service as the SDK's generated files describe them. */
export type Service = Readonly<Record<string, grpc.MethodDefinition<unknown, unknown>>>;

const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
const raw = (bytes: Buffer) => bytes;

/**
 * Serves a gRPC service on a free port of loopback without decoding its messages.
 *
 * @param service whose methods have one request and one response each
 * @param answer gives the bytes of the response to the bytes of a request; what it throws is the call's error
 * @returns the server and its port
 */
export function serveRaw(
  service: Service,
  answer: (method: string, request: Buffer) => Promise<Buffer>,
): Promise<{ readonly server: grpc.Server; readonly port: number }> {
  const server = new grpc.Server(unlimited);
  for (const [method, { path }] of Object.entries(service))
    server.register(
      path,
      ({ request }: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) =>
        void answer(method, request).then(
          (response) => done(null, response),
          (error: grpc.ServiceError) => done(error),
        ),
      raw,
      raw,
      "unary",
    );
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve({ server, port }),
    );
  });
}

/**
 * Connects to a server of a gRPC service on loopback.
 *
 * @returns what calls a method with the bytes of a request, and gives the bytes of the response
 */
export function connectRaw(service: Service, port: number): (method: string, request: Buffer) => Promise<Buffer> {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), unlimited);
  return (method, request) =>
    new Promise((resolve, reject) => {
      const path = service[method]?.path ?? method;
      client.makeUnaryRequest(path, raw, raw, request, (error, response) =>
        error ? reject(error) : resolve(response ?? Buffer.alloc(0)),
      );
    });
}
