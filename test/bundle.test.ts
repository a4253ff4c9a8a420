import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { root } from "./support/stacks";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "zero-trust-bundle-"));
  copyFileSync(join(root, "bundle.js"), join(directory, "bundle.js"));
  writeFileSync(
    join(directory, "entry.ts"),
    'import * as z from "zod"; import { word } from "./word"; export const read: string = z.string().parse(word);',
  );
  writeFileSync(join(directory, "word.ts"), 'export const word: string = "read";');
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
  const [file = ""] = readdirSync(join(cache(), "zero-trust")).filter((name) => name !== "compiled");
  expect(file).toMatch(/^zod-[\d.]+\.js$/);
  writeFileSync(join(cache(), "zero-trust", file), 'exports.string = () => ({ parse: () => "taken" });');
  expect(run()).toMatchObject({ status: 0, stdout: "taken\n", stderr: "" });
});

test("where node_modules cannot be written to, the program starts all the same", () => {
  writeFileSync(cache(), "a file where the folder would be");
  expect(run()).toMatchObject({ status: 0, stdout: "read\n", stderr: "" });
});

describe("a bundle", () => {
  const bundle = () => join(directory, ".build", "program.js");

  test("is taken as it is while nothing of it has changed", () => {
    run();
    writeFileSync(bundle(), readFileSync(bundle(), "utf8").replace('"read"', '"taken"'));
    expect(run()).toMatchObject({ status: 0, stdout: "taken\n", stderr: "" });
  });

  test.each<[what: string, change: () => void]>([
    ["a source was changed", () => writeFileSync(join(directory, "word.ts"), 'export const word = "new";')],
    [
      "a source was replaced by a folder",
      () => {
        rmSync(join(directory, "word.ts"));
        mkdirSync(join(directory, "word"));
        writeFileSync(join(directory, "word", "index.ts"), 'export const word = "new";');
      },
    ],
  ])("is made anew where %s", (_, change) => {
    run();
    change();
    expect(run()).toMatchObject({ status: 0, stdout: "new\n", stderr: "" });
  });

  test("is made anew where the compiler's settings were changed", () => {
    run();
    writeFileSync(bundle(), readFileSync(bundle(), "utf8").replace('"read"', '"stale"'));
    writeFileSync(join(directory, "tsconfig.json"), "{}");
    expect(run()).toMatchObject({ status: 0, stdout: "read\n", stderr: "" });
  });

  test("that somebody has cut off is made anew", () => {
    run();
    writeFileSync(bundle(), readFileSync(bundle(), "utf8").slice(0, 40));
    expect(run()).toMatchObject({ status: 0, stdout: "read\n", stderr: "" });
  });
});

test.each([
  ["which the program does not", "", [false, false]],
  ["which works then", 'require("typescript").version.at(0);', [true, false]],
  [
    "and once",
    'const ts = require("typescript"); if (ts.createSourceFile !== ts.createSourceFile) throw new Error("twice");',
    [true, false],
  ],
])("what Pulumi's SDK needs to serialize functions is loaded where it is used, %s", (_, use, loaded) => {
  const script = `require("./start"); ${use}
    const at = (name) => require.resolve(name, { paths: [require.resolve("@pulumi/pulumi")] });
    const isLoaded = (name) => !require("node:util").types.isProxy(require.cache[at(name)].exports);
    console.log(JSON.stringify(["typescript", "@npmcli/arborist"].map(isLoaded)));`;
  const { stdout } = spawnSync(process.execPath, ["-e", script], { cwd: root, encoding: "utf8" });
  expect(JSON.parse(stdout)).toEqual(loaded);
});
