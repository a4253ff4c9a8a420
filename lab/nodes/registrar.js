// In the place of Kubernetes' csi-node-driver-registrar, whose module nobody serves: what of it a kubelet and a pod's probes see, by the options of the real one
// (github.com/kubernetes-csi/node-driver-registrar v2.16.0, cmd/csi-node-driver-registrar). It asks a CSI driver for its name, and has the kubelet ask where the driver is.
const http = require("node:http");
const http2 = require("node:http2");
const net = require("node:net");
const { rmSync } = require("node:fs");
const { parseArgs } = require("node:util");

const text = { type: "string" };
const { values: options } = parseArgs({
  options: {
    "csi-address": text,
    "kubelet-registration-path": text,
    "http-endpoint": text,
    "plugin-registration-path": { ...text, default: "/registration" },
  },
});

/** A protocol buffer's field of text. */
const field = (number, value) =>
  Buffer.concat([Buffer.from([(number << 3) | 2, Buffer.byteLength(value)]), Buffer.from(value)]);
/** The first field of a message that has fields of text alone, short ones. */
const firstText = (message) => message.subarray(2, 2 + message[1]).toString();
/** gRPC's frame: no compression, and the length. */
const frame = (message) => Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);

/** Asks the driver for its name (csi.v1.Identity/GetPluginInfo). */
const driverName = () =>
  new Promise((resolve, reject) => {
    const session = http2.connect("http://localhost", {
      createConnection: () => net.connect(options["csi-address"]),
    });
    session.on("error", reject);
    const call = session.request({
      ":method": "POST",
      ":path": "/csi.v1.Identity/GetPluginInfo",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const chunks = [];
    call.on("data", (chunk) => chunks.push(chunk));
    call.on("error", reject);
    call.on("end", () => {
      session.close();
      resolve(firstText(Buffer.concat(chunks).subarray(5)));
    });
    call.end(frame(Buffer.alloc(0)));
  });

/** What the kubelet asks (pluginregistration.Registration). */
const answers = {
  GetInfo: (name) =>
    Buffer.concat([
      field(1, "CSIPlugin"),
      field(2, name),
      field(3, options["kubelet-registration-path"]),
      field(4, "1.0.0"),
    ]),
  NotifyRegistrationStatus: () => Buffer.alloc(0),
};

async function main() {
  const name = await driverName();
  const directory = options["plugin-registration-path"];
  const socket = `${directory}/${name}-reg.sock`;
  rmSync(socket, { force: true });
  const server = http2.createServer().on("stream", (stream, headers) => {
    const method = headers[":path"].replace("/pluginregistration.Registration/", "");
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => {
      const request = Buffer.concat(chunks).subarray(5);
      console.log(method, request.toString());
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.end(frame(answers[method](name)));
      // As the real one: refused, it ends, and is started again. The first field of a status is whether it was registered.
      if (method === "NotifyRegistrationStatus" && !(request[0] === 8 && request[1] === 1)) process.exit(1);
    });
  });
  server.listen(socket);
  const [, port] = options["http-endpoint"].split(":");
  http.createServer((_, response) => response.end("ok")).listen(Number(port));
  process.on("SIGTERM", () => {
    rmSync(socket, { force: true });
    process.exit();
  });
}

main().catch((error) => {
  // A driver that does not listen yet: whoever runs this starts it again.
  console.error(error.message);
  process.exit(1);
});
