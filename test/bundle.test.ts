import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { root } from "./support/stacks";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "zero-trust-bundle-"));
  copyFileSync(join(root, "bundle.js"), join(directory, "bundle.js"));
  writeFileSync(
    join(directory, "entry.ts"),
    'import * as z from "zod"; export const read: string = z.string().parse("read");',
  );
  mkdirSync(join(directory, "node_modules"));
  for (const name of ["esbuild", "zod"])
    symlinkSync(join(root, "node_modules", name), join(directory, "node_modules", name));
});
afterEach(() => rmSync(directory, { recursive: true }));

const cache = () => join(directory, "node_modules", ".cache");
/** What a program says that is run as the CLI runs it. */
const run = () => {
  const script = 'console.log(require("./bundle").run("entry.ts", "program", ["zod"]).read)';
  return spawnSync(process.execPath, ["-e", script], { cwd: directory, encoding: "utf8" });
};

test("a package of many files is made one file, and the next start takes that", () => {
  expect(run()).toMatchObject({ status: 0, stdout: "read\n", stderr: "" });
  const [file = ""] = readdirSync(join(cache(), "zero-trust"));
  expect(file).toMatch(/^zod-[\d.]+\.js$/);
  writeFileSync(join(cache(), "zero-trust", file), 'exports.string = () => ({ parse: () => "taken" });');
  expect(run()).toMatchObject({ status: 0, stdout: "taken\n", stderr: "" });
});

test("where node_modules cannot be written to, the program starts all the same", () => {
  writeFileSync(cache(), "a file where the folder would be");
  expect(run()).toMatchObject({ status: 0, stdout: "read\n", stderr: "" });
});
