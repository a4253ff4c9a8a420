// Passes connections on: `node gate.js FROM=TO...`, each a port of 127.0.0.1 or the path of a socket. A socket reaches into another network namespace, a port does not.
const { connect, createServer } = require("node:net");
const { pipeline } = require("node:stream");

const place = (text) => (/^\d+$/.test(text) ? { host: "127.0.0.1", port: Number(text) } : { path: text });

for (const [from, to] of process.argv.slice(2).map((pair) => pair.split("=")))
  createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ ...place(to), allowHalfOpen: true });
    // Whoever breaks off ends the other too.
    pipeline(client, server, client, () => undefined);
  }).listen(place(from));
