// What runs in the lab's pods:
//   serve PORT       answers every request with the pod's name
//   call URL [MS]    asks once on a connection of its own, and writes what came of it
//   load URL RATE    opens RATE connections a second and keeps five alive, and writes a line a second
// A request has failed that has no answer within five seconds, unless it says otherwise.
const http = require("node:http");
const { hostname } = require("node:os");

const patience = 5000;

/** Asks; says what came of it, and never throws. */
const ask = (url, agent, wait = patience) =>
  new Promise((resolve) => {
    const started = process.hrtime.bigint();
    const done = (result) => {
      clearTimeout(timer);
      request.destroy();
      resolve({ ...result, ms: Math.round(Number(process.hrtime.bigint() - started) / 1e6) });
    };
    const request = http.get(url, { agent }, (response) => {
      response.resume().on("end", () => done({ status: response.statusCode }));
    });
    const timer = setTimeout(done, wait, { error: "no answer" });
    request.on("error", ({ code }) => done({ error: code }));
  });

const write = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const commands = {
  serve(port) {
    // Longer than any client is silent: who keeps a connection alive is the client.
    http.createServer({ keepAliveTimeout: 600_000 }, (_, response) => response.end(hostname())).listen(Number(port));
  },

  async call(url, wait) {
    write(await ask(url, false, wait && Number(wait)));
    process.exit();
  },

  load(url, rate) {
    const empty = () => ({ asked: 0, answered: 0, failed: 0, worst: 0, errors: {} });
    let second = empty();
    const count = async (agent) => {
      second.asked++;
      const { error, ms } = await ask(url, agent);
      second.worst = Math.max(second.worst, ms);
      if (error === undefined) second.answered++;
      else {
        second.failed++;
        second.errors[error] = (second.errors[error] ?? 0) + 1;
      }
    };
    setInterval(() => void count(false), 1000 / Number(rate));
    for (const _ of Array(5).keys()) {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      setInterval(() => void count(agent), 200);
    }
    setInterval(() => {
      write({ time: new Date().toISOString(), ...second });
      second = empty();
    }, 1000);
  },
};

process.on("SIGTERM", () => process.exit());
const [command, ...args] = process.argv.slice(2);
void commands[command](...args);
