import { spawn } from "node:child_process";
import { once } from "node:events";
import { build } from "esbuild";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../support/stacks";

describe("the policy pack, as the CLI loads it from a clean clone", () => {
  test("is a bundle of our own source and four small packages, with Pulumi's SDK and its policies beside it: no provider and no compiler", async () => {
    const { metafile } = await build({
      entryPoints: [join(root, "policy/index.ts")],
      bundle: true,
      platform: "node",
      target: "node20",
      external: ["@pulumi/*"],
      write: false,
      outfile: "policy.js",
      metafile: true,
      absWorkingDir: root,
    });
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
    const packages = imports.filter((path) => !/^(node:|[a-z_]+$)/.test(path));
    expect([...new Set(packages)].sort()).toEqual(["@pulumi/policy", "@pulumi/pulumi"]);
    const inside = Object.keys(metafile.inputs).flatMap(
      (file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [],
    );
    expect([...new Set(inside)].sort()).toEqual(["fastest-levenshtein", "ip-address", "js-yaml", "zod"]);
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
});
