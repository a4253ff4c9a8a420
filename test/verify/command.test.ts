import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { dump, load } from "js-yaml";
import { format } from "prettier";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { evidenceSchema, type Evidence } from "../../core/rollout/evidence";
import { readStackFile } from "../../config/stackFile";
import { until } from "../../lab/until";
import { cluster, withCluster, type Answers } from "../support/fakeCluster";
import { root } from "../support/stacks";
import { nodes, withHubble, lost, type FakeHubble, type Message, type Stream } from "./fakeHubble";
import { api, flow, frontend, pod, reserved } from "./flows";

const bundles = mkdtempSync(join(tmpdir(), "zero-trust-verify-"));
const bundle = join(bundles, "verify.js");
let project: string;
const stack = () => join(project, "Pulumi.apps.yaml");
const file = () => join(project, "rollout/apps/orders.yaml");
const evidence = (): Evidence => evidenceSchema.parse(load(readFileSync(file(), "utf8")));

let sources: string[];

beforeAll(async () => {
  const options = { bundle: true, platform: "node", target: "node20", absWorkingDir: root } as const;
  await build({ ...options, entryPoints: [join(root, "cli/verify/main.ts")], outfile: bundle });
  const callers = [join(root, "cli/verify/callers.ts")];
  const { metafile } = await build({ ...options, entryPoints: callers, write: false, metafile: true });
  sources = Object.keys(metafile.inputs);
});
afterAll(() => rmSync(bundles, { recursive: true }));
beforeEach(() => {
  project = mkdtempSync(join(bundles, "project-"));
  cpSync(join(root, "Pulumi.yaml"), join(project, "Pulumi.yaml"));
  writeStack();
});

/** The stack apps, with a SPIRE that is another's: there is nobody here to ask for its entries. */
function writeStack(access = readStackFile(root, "apps")["access"]): void {
  const external = { install: "external", external: { serverAddress: "spire-server.spire.svc:8081" } };
  const values = { ...readStackFile(root, "apps"), access, spire: external };
  const config = Object.fromEntries(Object.entries(values).map(([key, value]) => [`zero-trust:${key}`, value]));
  writeFileSync(stack(), dump({ config }));
}

/** An API server that knows one pod of orders, on node1. */
const answers: Answers = {
  ...cluster({ authenticating: true }),
  "/api/v1/namespaces/orders/pods": {
    items: [
      {
        metadata: { name: "api-1", labels: { app: "api" } },
        spec: { nodeName: "node1" },
        status: { phase: "Running", podIPs: [{ ip: "10.0.1.8" }] },
      },
    ],
  },
  "/apis/cilium.io/v2/ciliumidentities": { items: [] },
  "/apis/networking.k8s.io/v1/namespaces/orders/networkpolicies": { items: [] },
  "/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies": { items: [] },
};

/** Runs the command as `npm run verify` does. `use` is given the running process. */
async function run(args: readonly string[], use: (stop: () => void) => Promise<void> = () => Promise.resolve()) {
  const child = spawn(process.execPath, [bundle, ...args], { cwd: project });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("utf8").on("data", (text: string) => (output[stream] += text));
  const closed = new Promise((resolve) => child.on("close", resolve));
  await use(() => child.kill("SIGINT"));
  return { status: await closed, ...output };
}

const orders = ["--stack", "apps", "--namespace", "orders"];

/** The same beside a cluster and a Hubble. */
async function verify(
  answer: (stream: Stream, index: number) => void,
  args: readonly string[],
  use?: (stop: () => void, hubble: FakeHubble) => Promise<void>,
  others: Answers = {},
) {
  let result: Awaited<ReturnType<typeof run>> | undefined;
  await withHubble(answer, (hubble) =>
    withCluster({ ...answers, ...others }, ["apps"], async () => {
      result = await run(
        [...orders, "--server", hubble.server, ...args],
        (stop) => use?.(stop, hubble) ?? Promise.resolve(),
      );
    }),
  );
  return result ?? expect.fail();
}

/** Says that node1 is heard, and what was seen; ends where the client does not follow. */
const tells =
  (...messages: Message[]) =>
  (stream: Stream) => {
    stream.send(nodes("NODE_CONNECTED", "node1"), ...messages);
    if (!stream.asked.follow) stream.end();
  };

const known = () => flow({ source: frontend, destination: api });
const stranger = () => flow({ source: pod("web", "stranger") });

describe("npm run verify", () => {
  test("shows what Hubble remembers, and what require makes of each caller", async () => {
    const { status, stdout, stderr } = await verify(tells(known(), known(), flow({ source: reserved("host") })), []);
    expect(stderr).toBe("");
    expect(stdout).toBe(
      [
        "orders  what Hubble still remembers, 0 events lost",
        "  nodes heard: node1",
        "",
        "  In require, of 2 callers: 1 authenticated, 1 without authentication, 0 cut off",
        "    without authentication  host of the pod's own node  ->  app=api:8080  1 flows  0 open  Cilium admits a pod's own node, whatever the policies are",
        "    authenticated           web/frontend                ->  app=api:8080  2 flows  0 open",
        "",
      ].join("\n"),
    );
    expect(status).toBe(0);
    expect(existsSync(file())).toBe(false);
  });

  test("ends with 1 where a caller would be cut off, and suggests the intent with which none would be", async () => {
    const { status, stderr } = await verify(tells(known(), stranger()), []);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^web\/stranger would be cut off from app=api, TCP port 8080: no intent names it; add an intent/,
    );

    const { stdout } = await verify(tells(known(), stranger()), ["--suggest"]);
    const suggested = load(stdout) as object[];
    expect(suggested).toEqual([
      {
        name: "api-8080",
        target: { namespace: "orders", selector: { app: "api" } },
        port: 8080,
        callers: [{ namespace: "web", serviceAccount: "stranger" }],
      },
    ]);
    writeStack([...(readStackFile(root, "apps")["access"] as object[]), ...suggested]);
    expect((await verify(tells(known(), stranger()), [])).status).toBe(0);
  });

  test.each<[string, Message[], Answers, RegExp]>([
    [
      "a node is not heard",
      [],
      {
        "/api/v1/namespaces/orders/pods": {
          items: [{ metadata: { name: "x" }, spec: { nodeName: "node2" }, status: { phase: "Running" } }],
        },
      },
      /nothing was heard from node2/,
    ],
    ["events were lost", [lost(3)], {}, /Hubble has lost 3 events/],
    [
      "the API server refuses to say what is asked",
      [],
      { "/apis/cilium.io/v2/ciliumidentities": 403 },
      /nobody could say which identities there are \(the API server answered 403\)/,
    ],
  ])("ends with 1 where %s", async (_, messages, others, says) => {
    const { status, stderr } = await verify(tells(known(), ...messages), [], undefined, others);
    expect(status).toBe(1);
    expect(stderr).toMatch(says);
  });

  test("ends with 1 and a reason where there is no Hubble", async () => {
    await withCluster(answers, ["apps"], async () => {
      expect(await run([...orders, "--server", "127.0.0.1:9"])).toEqual({
        status: 1,
        stdout: "",
        stderr: "Hubble at 127.0.0.1:9 cannot be reached\n",
      });
      const { status, stderr } = await run(orders);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^Hubble's relay cannot be looked for: the API server answered 404\n$/);
    });
  });

  test.each([
    [[], /write --stack/],
    [["--stack", "apps"], /there is no kubeconfig context apps/],
    [["--stack", "apps", "--evidence"], /--evidence is about the callers of one namespace: add --namespace/],
    [[...orders, "--junit", "x.xml"], /--junit is about the whole stack/],
    [["--stack", "apps", "--skip", "x"], /--skip x: write one of cluster, spire-server/],
    [["--stack", "apps", "--interval", "5s"], /--interval is how often --watch looks/],
    [["--stack", "apps", "--watch", "--interval", "soon"], /--interval soon: write a duration/],
    [[...orders, "--window", "1h"], /--window is how long --evidence watches/],
    [[...orders, "--evidence", "--window", "1d"], /--window 1d: write a duration in one unit/],
    [["--stack", "apps", "--namespace", "x"], /--namespace x is none of the stack's.*: orders/],
    [["--stack", "other", "--namespace", "x"], /Pulumi\.other\.yaml does not exist/],
    [[...orders, "--evidnce"], /--evidnce/],
    [orders, /there is no kubeconfig context apps/],
  ])("ends with 2 and a reason for %j, and asks nobody", async (args, says) => {
    await withCluster({}, ["other"], async () => {
      const { status, stdout, stderr } = await run(args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toMatch(says);
      expect(stderr).not.toMatch(/^ +at /m);
    });
  });

  test("judges by what the intents mean, without anything that compiles them or builds objects", () => {
    expect(sources).toContain("core/access/decide.ts");
    expect(
      sources.filter((file) => /components\/(access\/(cilium|deny)|plan|spire\/objects)|@pulumi/.test(file)),
    ).toEqual([]);
  });

  test("explains itself", async () => {
    expect(await run(["--help"])).toMatchObject({ status: 0, stdout: expect.stringContaining("--evidence") as string });
  });
});

describe("npm run verify -- --evidence", () => {
  test("watches for the whole window, and writes a file that says so", async () => {
    const { status, stderr, stdout } = await verify(
      tells(known(), flow({ source: reserved("world"), IP: { source: "192.0.2.7" } })),
      [...["--evidence", "--window", "1s"]],
    );
    expect(status).toBe(1);
    expect(stdout).toContain("orders  1 s of 1 s seen, 0 interruptions, 0 events lost");
    expect(stderr).toMatch(/^Written: rollout\/apps\/orders\.yaml\nworld would be cut off/);
    const written = evidence();
    expect(written).toMatchObject({
      stack: "apps",
      namespace: "orders",
      window: { wanted: 1, seen: 1, complete: true, interruptions: [] },
      flows: 2,
      nodes: { heard: ["node1"], missing: [] },
    });
    expect(written.callers.map(({ verdict, flows }) => [verdict, flows])).toEqual([
      ["cut off", 1],
      ["authenticated", 1],
    ]);
    const text = readFileSync(file(), "utf8");
    expect(text).not.toContain("192.0.2.7");
    expect(text).toMatch(/^# Who called the pods of orders/);
    expect(await format(text, { parser: "yaml", printWidth: 120 })).toBe(text);
  });

  /** What ends it once a second stream is asked for: the flows of the first have all come by then. */
  const afterStreams =
    (count: number) =>
    async (stop: () => void, { asked }: FakeHubble) => {
      await until("the flows are asked for again", () => asked.length >= count);
      stop();
    };

  test("keeps what was seen when it is ended", async () => {
    const { status, stderr } = await verify(
      (stream, index) => {
        tells(...(index === 0 ? [known()] : []))(stream);
        if (index === 0) stream.end();
      },
      ["--evidence", "--window", "2h"],
      afterStreams(2),
    );
    expect(status).toBe(1);
    expect(stderr).toContain("its window has not ended: 0 min of 2.0 h");
    expect(evidence()).toMatchObject({ flows: 1, window: { wanted: 7200, complete: false } });
    expect(evidence().window.interruptions).toEqual([
      expect.objectContaining({ because: expect.stringContaining("has ended the stream") as string }),
    ]);
  });

  test("goes on where a window has not ended, and says that it did not run meanwhile", async () => {
    await verify(tells(known()), ["--evidence", "--window", "1s"]);
    const before = evidence();
    const { window } = before;
    writeFileSync(file(), dump({ ...before, window: { ...window, wanted: 3600, seen: 3599, complete: false } }));
    let since = 0;
    const { stderr } = await verify(
      (stream) => {
        since = stream.asked.since?.seconds ?? 0;
        tells(stranger())(stream);
      },
      ["--evidence", "--window", "1h"],
    );
    expect(stderr).not.toContain("window");
    expect(since).toBe(Math.floor(Date.parse(window.to) / 1000));
    const after = evidence();
    expect(after).toMatchObject({
      flows: 2,
      window: { wanted: 3600, seen: 3600, complete: true, from: window.from },
    });
    expect(after.callers.map(({ from }) => from)).toEqual([
      { namespace: "web", serviceAccount: "stranger" },
      { namespace: "web", serviceAccount: "frontend" },
    ]);
    expect(after.window.interruptions).toEqual([
      expect.objectContaining({ from: window.to, because: "npm run verify did not run" }),
    ]);
  });

  test("suggests afterwards what was missing in the whole window", async () => {
    await verify(tells(known(), stranger()), ["--evidence", "--window", "1s"]);
    const { stdout } = await verify(tells(), ["--suggest"]);
    expect(load(stdout)).toMatchObject([{ callers: [{ namespace: "web", serviceAccount: "stranger" }] }]);
  });

  test("says that SPIRE cannot tell who has an entry while authentication is off", async () => {
    writeFileSync(stack(), readFileSync(stack(), "utf8").replace("zero-trust:auth: true", "zero-trust:auth: false"));
    const { status, stderr } = await verify(tells(known()), ["--evidence", "--window", "1s"]);
    expect(status).toBe(1);
    expect(stderr).toContain("nobody could say whether each identity has its entry in SPIRE (auth is off)");
  });

  test("keeps what a reviewer has acknowledged, and is then content", async () => {
    const args = ["--evidence", "--window", "1s"];
    await verify(tells(known(), stranger()), args);
    const acknowledged = "a scanner that was taken out of service";
    const { callers, ...rest } = evidence();
    const reviewed = callers.map((line) => (line.verdict === "cut off" ? { ...line, acknowledged } : line));
    writeFileSync(file(), dump({ ...rest, callers: reviewed }));
    expect((await verify(tells(known(), stranger()), args)).status).toBe(0);
    expect(evidence().callers[0]?.acknowledged).toBe(acknowledged);
  });

  test("does not count a time in which a node was not heard", async () => {
    // Five streams, with pauses between them, take longer than the window.
    const { stderr } = await verify(
      (stream) => {
        stream.send(nodes("NODE_UNAVAILABLE", "node1"));
        stream.end();
      },
      ["--evidence", "--window", "1s"],
      afterStreams(5),
    );
    expect(stderr).toContain("its window has not ended");
    expect(evidence().window).toMatchObject({
      complete: false,
      interruptions: [{ because: "node1: Hubble's relay cannot reach it" }],
    });
  });

  test.each([
    ["is not YAML", "a: [", /rollout\/apps\/orders\.yaml is not YAML: [^]*; restore it from Git/],
    ["is no evidence", "version: 2", /rollout\/apps\/orders\.yaml is no evidence: version/],
  ])("ends with 2 and a reason where the file %s", async (_, content, says) => {
    mkdirSync(join(project, "rollout/apps"), { recursive: true });
    writeFileSync(file(), content);
    await withCluster(answers, ["apps"], async () => {
      const { status, stderr } = await run([...orders, "--server", "127.0.0.1:9", "--evidence"]);
      expect(status).toBe(2);
      expect(stderr).toMatch(says);
    });
  });
});
