import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { build } from "esbuild";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { root } from "../support/stacks";

describe("the policy pack, as the CLI loads it from a clean clone", () => {
  test("loads, beside our own source, four small packages and Pulumi's SDK and its policies: no provider and no compiler", async () => {
    const { metafile } = await build({
      entryPoints: [join(root, "policy/index.ts")],
      bundle: true,
      platform: "node",
      packages: "external",
      write: false,
      outfile: "policy.js",
      metafile: true,
      absWorkingDir: root,
    });
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
    expect([...new Set(imports)].filter((path) => !path.startsWith("node:")).sort()).toEqual([
      "@pulumi/policy",
      "@pulumi/pulumi",
      "fastest-levenshtein",
      "ip-address",
      "js-yaml",
      "zod",
    ]);
  });

  test("starts: it tells the port on which it answers", async () => {
    const pack = spawn(process.execPath, [join(root, "policy/start.js")], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const [said] = (await once(pack.stdout, "data")) as [Buffer];
      expect(said.toString()).toMatch(/^\d+\n/);
    } finally {
      pack.kill();
      await once(pack, "exit");
    }
  });

  test("ends soon after an engine that was killed", async () => {
    // A shell in the engine's place, which starts the pack and waits.
    const start = `"${process.execPath}" "${join(root, "policy/start.js")}" & echo $!; wait`;
    const engine = spawn("sh", ["-c", start], { stdio: ["ignore", "pipe", "inherit"] });
    const [pid] = (await once(engine.stdout, "data")) as [Buffer];
    // The port: it runs.
    await once(engine.stdout, "data");
    engine.kill("SIGKILL");
    const isThere = () => existsSync(`/proc/${pid.toString().trim()}`);
    await vi.waitUntil(() => !isThere(), { timeout: 20_000 });
  });

  test("ends where nobody hears what it says, and does not say it for ever", async () => {
    const runner = join(root, "node_modules/@pulumi/pulumi/cmd/run-policy-pack");
    const pack = spawn(process.execPath, [runner, "127.0.0.1:1", join(root, "policy")]);
    pack.stdout.destroy();
    pack.stderr.destroy();
    await once(pack, "exit");
  });
});
