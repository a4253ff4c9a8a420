import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { format } from "prettier";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { digestOf, index, withRegistry, type Registry } from "../../support/registry";
import { root } from "../../support/stacks";

const bundles = mkdtempSync(join(tmpdir(), "zero-trust-pin-"));
const bundle = join(bundles, "pin.js");
let project: string;
const file = () => join(project, "components/spire/digests.json");

/** Runs the command as `npm run pin` does, in a project that has the file of digests alone. */
async function pin(...options: string[]) {
  return run([bundle, ...options]);
}

/** The same, with what is asked of the images' registries led to one on loopback. */
async function pinFrom({ host }: Registry, ...options: string[]) {
  const redirect = join(bundles, "redirect.js");
  writeFileSync(
    redirect,
    `const real = fetch; globalThis.fetch = (url, options) => real(String(url).replace(/https:..(ghcr|registry.k8s).io/, "http://${host}"), options);`,
  );
  return run(["--require", redirect, bundle, ...options]);
}

async function run(args: string[]) {
  const child = spawn(process.execPath, args, { cwd: project });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("utf8").on("data", (text: string) => (output[stream] += text));
  const status = await new Promise((resolve) => child.on("close", resolve));
  return { status, ...output };
}

/** A registry that has two images, and the command's names for them. */
const withImages = (use: (registry: Registry, server: string, agent: string) => Promise<void>) =>
  withRegistry(async (registry) => {
    registry.answers["/v2/spire-server/manifests/1.15.3"] = index("server");
    registry.answers["/v2/spire-agent/manifests/1.15.3"] = index("agent");
    await use(registry, `${registry.host}/spire-server:1.15.3`, `${registry.host}/spire-agent:1.15.3`);
  });
const [ofServer, ofAgent, ofAnother] = ["server", "agent", "another"].map((seed) => digestOf(index(seed).body));
const written = () => readFileSync(file(), "utf8");

beforeAll(async () => {
  await build({
    entryPoints: [join(root, "cli/pin/main.ts")],
    bundle: true,
    platform: "node",
    target: "node20",
    outfile: bundle,
    absWorkingDir: root,
  });
});
afterAll(() => rmSync(bundles, { recursive: true }));
beforeEach(() => {
  project = mkdtempSync(join(bundles, "project-"));
  mkdirSync(dirname(file()), { recursive: true });
  writeFileSync(file(), "{}\n");
});

describe("npm run pin", () => {
  test("records what the registry has beside what is recorded, and shows old and new for each image", async () => {
    const other = { "ghcr.io/spiffe/spire-server": { "1.0.0": { digest: digestOf("x"), source: "elsewhere" } } };
    writeFileSync(file(), JSON.stringify(other));
    await withImages(async ({ host }, server, agent) => {
      expect(await pin(server, agent)).toEqual({
        status: 0,
        stdout: `${server}\n  none -> ${ofServer}\n${agent}\n  none -> ${ofAgent}\nRecorded in components/spire/digests.json\n`,
        stderr: "",
      });
      const source = `${host}, read by npm run pin`;
      expect(JSON.parse(written())).toEqual({
        ...other,
        [`${host}/spire-agent`]: { "1.15.3": { digest: ofAgent, source } },
        [`${host}/spire-server`]: { "1.15.3": { digest: ofServer, source } },
      });
    });
  });

  test.each([
    [[], "1.15.3"],
    [["--version", "1.14.1"], "1.14.1"],
  ])("with %j reads SPIRE's own images of version %s, and the controller-manager's", async (options, version) => {
    await withRegistry(async (registry) => {
      const images = [
        `spire-server:${version}`,
        `spire-agent:${version}`,
        "spire-controller-manager:0.7.0",
        `oidc-discovery-provider:${version}`,
        "spiffe-csi-driver:0.2.13",
      ].map((image) => `ghcr.io/spiffe/${image}`);
      images.push("registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.16.0");
      for (const image of images)
        registry.answers[image.replace(/^[^/]+/, "/v2").replace(":", "/manifests/")] = index(image);
      expect(await pinFrom(registry, ...options)).toMatchObject({ status: 0, stderr: "" });
      expect(JSON.parse(written())).toEqual(
        Object.fromEntries(
          images.map((image) => {
            const [name = "", tag = ""] = image.split(":");
            const source = `${name.split("/")[0]}, read by npm run pin`;
            return [name, { [tag]: { digest: digestOf(index(image).body), source } }];
          }),
        ),
      );
    });
  });

  test("writes the same bytes whatever the order, as they are formatted in this repository", async () => {
    await withImages(async (_, server, agent) => {
      await pin(server, agent);
      const first = written();
      writeFileSync(file(), "{}");
      await pin(agent, server);
      expect(written()).toBe(first);
      expect(await format(first, { parser: "json", printWidth: 120 })).toBe(first);
    });
  });

  test("says that a digest is as recorded, and writes nothing then", async () => {
    await withImages(async (_, server) => {
      await pin(server);
      const before = written();
      expect(await pin(server)).toEqual({ status: 0, stdout: `${server}\n  ${ofServer}, as recorded\n`, stderr: "" });
      expect(await pin("--check", server)).toMatchObject({ status: 0 });
      expect(written()).toBe(before);
    });
  });

  test("refuses a tag that was moved, and takes it with --replace", async () => {
    await withImages(async (registry, server) => {
      await pin(server);
      const before = written();
      registry.answers["/v2/spire-server/manifests/1.15.3"] = index("another");
      const refused = await pin(server);
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain(`a moved tag: ${ofServer} is recorded (${registry.host}, read by npm run pin)`);
      expect(refused.stderr).toContain(`the registry now has ${ofAnother}. Find out who moved it, and why; --replace`);
      expect(written()).toBe(before);
      const replaced = await pin("--replace", server);
      expect(replaced).toMatchObject({ status: 0, stderr: "" });
      expect(replaced.stdout).toContain(`  ${ofServer} -> ${ofAnother}\n`);
      expect(written()).toContain(ofAnother);
    });
  });

  test("with --check writes nothing, and ends with 1 where a digest is missing or another one", async () => {
    await withImages(async (registry, server) => {
      expect(await pin("--check", server)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining(`not recorded: ${ofServer}; npm run pin records it`) as string,
      });
      expect(written()).toBe("{}\n");
      await pin(server);
      const before = written();
      registry.answers["/v2/spire-server/manifests/1.15.3"] = index("another");
      expect(await pin("--check", server)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("a moved tag") as string,
      });
      expect(written()).toBe(before);
    });
  });

  test("writes nothing unless every image was read, and goes on to tell about each", async () => {
    await withImages(async ({ host }, server) => {
      const { status, stdout, stderr } = await pin(`${host}/other:1`, server, "127.0.0.1:9/x:1");
      expect(status).toBe(1);
      expect(stdout).toContain(`${server}\n  none -> ${ofServer}`);
      expect(stderr).toMatch(
        /^ {2}not found: .*\n {2}no connection to 127\.0\.0\.1:9: .*\n2 of 3 failed; nothing is written\n$/,
      );
      expect(written()).toBe("{}\n");
    });
  });

  test.each([
    [["--version", "1.15"], /--version 1\.15: write a full version/],
    [["--version", "1.15.3", "ghcr.io/a:1"], /leave it out, or the images/],
    [["--check", "--replace"], /--check writes nothing/],
    [["--chek"], /--chek/],
    [["spire-server:1.15.3"], /with its registry and version/],
    [["ghcr.io/spiffe/spire-server"], /with its registry and version/],
    [[`ghcr.io/spiffe/spire-server:1@${digestOf("x")}`], /with its registry and version/],
    [["ghcr.io/spiffe/spire-server:latest"], /latest moves/],
    [["ghcr.io:99999/spire-server:1"], /ghcr\.io:99999 is no host/],
  ])("ends with 2 and a reason for %j, and asks nobody", async (options, says) => {
    const { status, stdout, stderr } = await pin(...options);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test.each([
    ["is away", undefined, /cannot be read: ENOENT/],
    ["is not JSON", "{", /cannot be read: /],
    ["holds something else", '{"a":{"1":{"digest":"sha256:1","source":"x"}}}', /holds what is no digest/],
  ])("ends with 2 and a reason where the file %s", async (_, content, says) => {
    if (content === undefined) rmSync(file());
    else writeFileSync(file(), content);
    const { status, stderr } = await pin("127.0.0.1:9/x:1");
    expect(status).toBe(2);
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test("explains itself", async () => {
    expect(await pin("--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("--replace") as string });
  });
});
