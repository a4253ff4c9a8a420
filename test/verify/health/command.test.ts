import { spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { loadAll } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../../lab/until";
import { cluster, withCluster, type Answers } from "../../support/fakeCluster";
import { root } from "../../support/stacks";
import { nodes, withHubble } from "../fakeHubble";
import { api, flow, frontend, pod } from "../flows";
import { policiesIn, state } from "./healthy";

let project: string;
let bundle: string;
beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), "zero-trust-health-"));
  bundle = join(project, "verify.js");
  const options = { bundle: true, platform: "node", target: "node20", absWorkingDir: root } as const;
  await build({ ...options, entryPoints: [join(root, "cli/verify/main.ts")], outfile: bundle });
  for (const file of ["Pulumi.yaml", "Pulumi.apps.yaml"]) cpSync(join(root, file), join(project, file));
  // A Pulumi that knows what the last update recorded.
  mkdirSync(join(project, "bin"));
  const pulumi = join(project, "bin", "pulumi");
  writeFileSync(pulumi, `#!/bin/sh\ncat <<'EOF'\n${JSON.stringify({ rollout: state() })}\nEOF\n`);
  chmodSync(pulumi, 0o755);
});
afterAll(() => rmSync(project, { recursive: true }));

const kinds = "/apis/cilium.io/v2";
const answers: Answers = {
  ...cluster({ authenticating: true }),
  [`${kinds}/ciliumnetworkpolicies`]: { items: policiesIn("require") },
  [`${kinds}/ciliumclusterwidenetworkpolicies`]: { items: [] },
  [`${kinds}/ciliumidentities`]: { items: [] },
  "/apis/monitoring.coreos.com/v1/prometheusrules": 403,
  "/apis/apps/v1/namespaces/spire/statefulsets/spire-server": 404,
};

/** Runs the command as `npm run verify` does. `use` is given the running process. */
async function run(
  args: readonly string[],
  use: (seen: () => string, stop: () => void) => Promise<void> = () => Promise.resolve(),
) {
  const env = { ...process.env, PATH: `${join(project, "bin")}:${process.env["PATH"]}` };
  const child = spawn(process.execPath, [bundle, "--stack", "apps", ...args], { cwd: project, env });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("utf8").on("data", (text: string) => (output[stream] += text));
  const closed = new Promise((resolve) => child.on("close", resolve));
  await use(
    () => output.stdout,
    () => child.kill("SIGINT"),
  );
  return { status: await closed, ...output };
}

const verdictsIn = (stdout: string) => {
  const { findings } = JSON.parse(stdout) as { findings: { check: string; verdict: string }[] };
  return Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]));
};

describe("npm run verify -- --stack", () => {
  test("says of each part how it is, where one is away the rest too, and where to begin", async () => {
    await withCluster(answers, ["apps"], async () => {
      const { status, stdout, stderr } = await run(["--json"]);
      expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
      expect(verdictsIn(stdout)).toMatchObject({
        cluster: "ok",
        "spire-server": "fail",
        "cilium-flags": "ok",
        policies: "ok",
        "policies-valid": "ok",
        recorded: "ok",
        alerts: "unknown",
        hubble: "unknown",
      });
      expect(JSON.parse(stdout)).toMatchObject({ stack: "apps", context: "apps", ok: false, first: "spire-server" });

      const { stdout: table } = await run([]);
      expect(table).toMatch(
        /^apps {2}context apps, authentication on\n {2}ok {4}cluster +apps leads to the cluster 0000/,
      );
      expect(table).toMatch(
        / {2}FAIL {2}spire-server +there is no StatefulSet spire\/spire-server\n +do pulumi up --refresh --stack apps/,
      );
      expect(table).toMatch(/\n {2}Begin with spire-server: pulumi up --refresh/);
    });
  });

  test("shows the flows to each namespace, authenticated, allowed and dropped, with the reason", async () => {
    const spire = flow({ auth_type: "SPIRE", verdict: "FORWARDED" });
    const stranger = { source: pod("web", "stranger"), destination: api, event_type: { type: 1 }, verdict: "DROPPED" };
    await withHubble(
      (stream) => {
        stream.send(nodes("NODE_CONNECTED", "node1"), spire, flow({ ...spire, uuid: "another" }));
        stream.send(
          flow({ source: frontend, event_type: { type: 1 }, verdict: "DROPPED", drop_reason_desc: "AUTH_REQUIRED" }),
        );
        stream.send(
          flow({ ...stranger, drop_reason_desc: "POLICY_DENIED" }),
          flow({ ...stranger, event_type: { type: 5 } }),
        );
        stream.end();
      },
      (hubble) =>
        withCluster(answers, ["apps"], async () => {
          const { stdout } = await run(["--server", hubble.server]);
          expect(stdout).toContain(
            [
              "  Calls to orders",
              "    web/frontend  ->  app=api, TCP port 8080  2 authenticated  0 allowed without  1 dropped, authentication required",
              "    web/stranger  ->  app=api, TCP port 8080  0 authenticated  0 allowed without  1 dropped, policy denied; no intent names it",
            ].join("\n"),
          );
          expect(stdout).toMatch(
            /ok {4}flows orders +2 authenticated, 0 allowed without, 2 dropped; whom no intent names: web\/stranger/,
          );
          const since = hubble.asked[0]?.since?.seconds ?? 0;
          expect(Math.abs(Date.now() / 1000 - 300 - since)).toBeLessThan(60);
          const { flows } = JSON.parse((await run(["--json", "--server", hubble.server])).stdout) as { flows: object };
          expect(flows).toMatchObject({
            orders: { lines: [{ from: "web/frontend", authenticated: 2 }, { from: "web/stranger" }] },
          });
        }),
    );
  });

  test("writes the same for CI, and leaves out what it is told to", async () => {
    await withCluster(answers, ["apps"], async () => {
      await run(["--junit", "out/verify.xml", "--skip", "alerts", "--skip", "hubble"]);
      const xml = readFileSync(join(project, "out/verify.xml"), "utf8");
      expect(xml).toContain(
        '<testcase classname="verify.apps" name="spire-server"><failure message="there is no StatefulSet',
      );
      expect(xml).not.toContain('name="hubble"');
    });
  });

  test("another cluster: nothing else is asked of it", async () => {
    const other = { "/api/v1/namespaces/kube-system": { metadata: { name: "kube-system", uid: "another" } } };
    await withCluster(other, ["apps"], async () => {
      const { status, stdout } = await run(["--json"]);
      expect(status).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ first: "cluster" });
      expect(verdictsIn(stdout)).toMatchObject({ recorded: "ok", policies: "unknown" });
    });
  });

  test("with --watch looks again, shows what changed, and ends with Ctrl-C", async () => {
    const changing: Record<string, unknown> = { ...answers };
    await withCluster(changing, ["apps"], async () => {
      const { status, stdout } = await run(["--watch", "--interval", "1s"], async (seen, stop) => {
        await until("the first table is there", () => seen().includes("Begin with"), { seconds: 60 });
        changing[`${kinds}/ciliumnetworkpolicies`] = { items: policiesIn("require").slice(1) };
        await until("the change is told", () => seen().includes("policies  ok -> fail"), { seconds: 60 });
        stop();
      });
      expect(status).toBe(1);
      expect(stdout).toMatch(
        /\d\d:\d\d:\d\d {2}policies {2}ok -> fail {2}there is no CiliumNetworkPolicy orders\/zero-trust/,
      );
      expect(stdout.match(/Begin with/g)).toHaveLength(1);
    });
  });

  test("prints the roles that it needs, which read and no more", async () => {
    const { status, stdout } = await run(["--rights"]);
    expect(status).toBe(0);
    const roles = loadAll(stdout) as { kind: string; rules?: { resources: string[]; verbs: string[] }[] }[];
    const rules = roles.flatMap(({ rules = [] }) => rules);
    expect(rules.length).toBeGreaterThan(10);
    for (const { resources, verbs } of rules) {
      expect(resources).not.toContain("secrets");
      if (!resources.some((resource) => /^pods\/(exec|portforward)$/.test(resource)))
        expect(["get", "list"]).toEqual(expect.arrayContaining(verbs));
    }
    expect(existsSync(join(project, "rendered"))).toBe(false);
  });
});
