import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writePolicyPack } from "../../../cli/policy/writePolicyPack";
import { guardrails } from "../../../policy/guardrails";
import { LabStack, withoutPreflight } from "./stack";

/** As much of Pulumi Cloud's API as the CLI asks for when it publishes a pack to the organization acme. */
class PulumiCloud {
  private constructor(
    private readonly server: Server,
    readonly url: string,
    /** What was asked, in order. */
    readonly asked: string[],
    readonly bodies: Map<string, Buffer>,
  ) {}

  static async start(): Promise<PulumiCloud> {
    const asked: string[] = [];
    const bodies = new Map<string, Buffer>();
    let url = "";
    const pack = "/api/orgs/acme/policypacks/zero-trust/versions/0.1.0";
    const answers: Readonly<Record<string, () => object>> = {
      "GET /api/user": () => ({ githubLogin: "lab", name: "lab", organizations: [] }),
      "POST /api/orgs/acme/policypacks": () => ({ version: 1, uploadURI: `${url}/upload`, requiredHeaders: {} }),
      "PUT /upload": () => ({}),
      [`POST ${pack}/complete`]: () => ({}),
      // The CLI reads back what it has published.
      [`GET ${pack}`]: () => ({ name: "zero-trust", version: 1, versionTag: "0.1.0", policies: [] }),
    };
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const call = `${request.method} ${request.url}`;
        asked.push(call);
        bodies.set(call, Buffer.concat(chunks));
        const answer = answers[call]?.();
        response.writeHead(answer ? 200 : 404, { "content-type": "application/json" });
        response.end(JSON.stringify(answer ?? { code: 404, message: "not here" }));
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return new PulumiCloud(server, url, asked, bodies);
  }

  stop(): void {
    this.server.close();
  }
}

describe("the policy pack, published to an organization and installed from there", () => {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-pack-"));
  let cloud: PulumiCloud;
  let stack: LabStack;
  let program: string;
  const installed = join(directory, "package");
  const enforced = { PULUMI_OPTION_POLICY_PACK: installed };
  const sdk = (pack: string) => {
    mkdirSync(join(pack, "node_modules", "@pulumi"), { recursive: true });
    for (const name of ["policy", "pulumi"])
      symlinkSync(resolve("node_modules/@pulumi", name), join(pack, "node_modules", "@pulumi", name));
  };
  const preview = (environment: NodeJS.ProcessEnv = enforced) =>
    stack.project.pulumi(["preview", "--stack", "apps"], environment);

  beforeAll(async () => {
    cloud = await PulumiCloud.start();
    stack = await LabStack.start();
    program = readFileSync(join(stack.project.directory, "program/deploy.ts"), "utf8");
  });
  afterAll(async () => {
    cloud?.stop();
    await stack?.stop();
    rmSync(directory, { recursive: true });
  });

  test("is uploaded by the CLI as three files, with both policies at their levels", async () => {
    const pack = writePolicyPack(join(directory, "written"));
    sdk(pack);
    const environment = {
      ...stack.project.environment,
      ...{ PULUMI_BACKEND_URL: cloud.url, PULUMI_ACCESS_TOKEN: "lab", PULUMI_OPTION_POLICY_PACK: "" },
    };
    const publish = spawn("pulumi", ["policy", "publish", "acme", "--non-interactive"], {
      cwd: pack,
      env: environment,
    });
    let said = "";
    for (const stream of [publish.stdout, publish.stderr])
      stream.on("data", (text: Buffer) => (said += text.toString()));
    const [status] = (await once(publish, "close")) as [number];
    expect([status, said]).toEqual([0, expect.stringContaining('Publishing "zero-trust" - version 0.1.0 to "acme"')]);
    expect(cloud.asked).toContainEqual(expect.stringMatching(/complete$/));
    expect(JSON.parse(cloud.bodies.get("POST /api/orgs/acme/policypacks")?.toString() ?? "")).toMatchObject({
      policies: [
        { name: "advice", enforcementLevel: "advisory" },
        { name: "guardrails", enforcementLevel: "mandatory" },
      ],
    });
    const tarball = join(directory, "pack.tgz");
    writeFileSync(tarball, cloud.bodies.get("PUT /upload") ?? "");
    const { stdout } = spawnSync("tar", ["xzvf", tarball, "-C", directory], { encoding: "utf8" });
    expect(stdout.trim().split("\n").sort()).toEqual(
      ["PulumiPolicy.yaml", "index.js", "package.json"].map((file) => `package/${file}`),
    );
    sdk(installed);
  });

  test("stops a program that has no preflight, in a project that has no pack", () => {
    writeFileSync(join(stack.project.directory, "program/deploy.ts"), withoutPreflight(program));
    rmSync(join(stack.project.directory, "policy", "PulumiPolicy.yaml"));
    stack.set("rollout.phases.kube-system", "require");
    const { status, output } = preview();
    expect([status, output]).toEqual([
      expect.any(Number),
      expect.stringMatching(/\[mandatory\] +guardrails[^]*protected-namespaces: /),
    ]);
    expect(status).not.toBe(0);
  });

  test("warns of the same and stops nothing, when authentication is turned off", () => {
    stack.setFlag("false");
    const { status, output } = preview();
    expect(output).toMatch(/\[advisory\] +advice[^]*protected-namespaces: /);
    expect([status, output]).toEqual([0, expect.not.stringContaining("[mandatory]")]);
  });

  test("does not know a stack of another program", () => {
    const other = join(directory, "shop");
    mkdirSync(other);
    writeFileSync(join(other, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
    writeFileSync(join(other, "index.js"), "");
    writeFileSync(join(other, "package.json"), '{ "main": "index.js" }');
    symlinkSync(resolve("node_modules"), join(other, "node_modules"));
    const env = { ...stack.project.environment, ...enforced };
    const pulumi = (...args: string[]) =>
      spawnSync("pulumi", [...args, "--non-interactive"], { cwd: other, env, encoding: "utf8" });
    expect(pulumi("stack", "init", "shop")).toMatchObject({ status: 0 });
    const { status, stdout } = pulumi("preview", "--stack", "shop");
    expect([status, stdout]).toEqual([0, expect.stringContaining("zero-trust@v0.1.0")]);
    for (const { name } of guardrails) expect(stdout).not.toContain(`${name}: `);
  });
});
