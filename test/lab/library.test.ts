import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../support/stacks";

/** The examples of doc comments, by the file that has them. */
const examples = [
  "components/spire/Spire.ts",
  "components/cilium/CiliumAuth.ts",
  "components/access/cilium/CiliumAuthPolicy.ts",
  "components/access/cilium/DenyAll.ts",
  "components/access/istio/IstioAuthPolicy.ts",
  "components/access/linkerd/LinkerdAuthPolicy.ts",
  "components/certificates/Certificates.ts",
  "program/deploy.ts",
];
const exampleIn = (file: string) =>
  /@example\n((?: \* .*\n)+)/.exec(readFileSync(join(root, file), "utf8"))?.[1]?.replace(/^ \* /gm, "") ??
  expect.fail(`${file} has no @example`);

/** What a program registered under mocks, and the names of its outputs. */
interface Ran {
  readonly registered: readonly string[];
  readonly outputs: object;
}

/** A project of somebody else's with the tarball in its node_modules, and beside it what npm would install with it. */
describe("the package, packed and installed into another project", () => {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-library-"));
  const modules = join(directory, "node_modules");
  const installed = join(modules, "zero-trust");
  const all = `import * as pulumi from "@pulumi/pulumi";\nimport { Provider } from "@pulumi/kubernetes/provider";\nimport { Certificates, CiliumAuth, CiliumAuthPolicy, DenyAll, IstioAuthPolicy, LinkerdAuthPolicy, Spire, deploy, loadConfig } from "zero-trust";\n`;
  const must = (program: string, args: string[], cwd: string) => {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8" });
    if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  };
  /** The program of the components alone, in which each mesh's policies have other namespaces' names. */
  const composed = () =>
    [
      all,
      'const provider = new Provider("cluster", { context: "apps" });',
      ...examples
        .slice(0, -1)
        .map((file) =>
          exampleIn(file).replace(/new (Istio|Linkerd)AuthPolicy\("access-/, (text) => `${text}${text.slice(4, 7)}-`),
        ),
    ].join("\n");

  beforeAll(() => {
    mkdirSync(modules);
    // A copy, so that nothing is built into this one while others read it.
    const sources = join(directory, "sources");
    mkdirSync(sources);
    for (const part of [
      "core",
      "components",
      "config",
      "plan",
      "live",
      "policy",
      "program",
      "library.ts",
      "package.json",
      "README.md",
    ])
      cpSync(join(root, part), join(sources, part), { recursive: true });
    for (const part of ["tsconfig.json", "tsconfig.build.json"]) cpSync(join(root, part), join(sources, part));
    symlinkSync(join(root, "node_modules"), join(sources, "node_modules"));
    must("npm", ["pack", "--silent", "--pack-destination", directory], sources);
    const tarball = readdirSync(directory).find((file) => file.endsWith(".tgz")) ?? expect.fail("no tarball");
    must("tar", ["xzf", tarball], directory);
    for (const name of readdirSync(join(root, "node_modules")).filter((entry) => !entry.startsWith(".")))
      symlinkSync(join(root, "node_modules", name), join(modules, name));
    cpSync(join(directory, "package"), installed, { recursive: true });
    writeFileSync(join(directory, "composed.ts"), composed());
    writeFileSync(join(directory, "deployed.ts"), `${all}\n${exampleIn("program/deploy.ts")}`);
    writeFileSync(join(directory, "run.js"), runner);
  }, 300_000);
  afterAll(() => rmSync(directory, { recursive: true }));

  test("has compiled JavaScript with types, and no source, test or stack of this repository's", () => {
    const files = (readdirSync(installed, { recursive: true }) as string[]).filter((file) => /\.\w+$/.test(file));
    expect(files.filter((file) => !/^(package\.json|README\.md|dist\/.*\.(js|d\.ts|json))$/.test(file))).toEqual([]);
    expect(files).toContain("dist/library.d.ts");
  });

  test("imports no package that it does not ask for", () => {
    const { dependencies } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    const files = (readdirSync(join(installed, "dist"), { recursive: true }) as string[]).filter((f) =>
      /\.[jt]s$/.test(f),
    );
    const wanted = files.flatMap((file) =>
      [
        ...readFileSync(join(installed, "dist", file), "utf8").matchAll(
          /(?:require|import)\("([^."][^"]*)"\)|from "([^."][^"]*)"/g,
        ),
      ]
        .map(([, required, from]) => required ?? from ?? "")
        .map((name) =>
          name
            .split("/")
            .slice(0, name.startsWith("@") ? 2 : 1)
            .join("/"),
        ),
    );
    const known = [...Object.keys(dependencies), ...builtinModules, ...builtinModules.map((name) => `node:${name}`)];
    expect([...new Set(wanted)].filter((name) => !known.includes(name))).toEqual([]);
  });

  test("has examples in its doc comments that compile with all of TypeScript's strictness", () => {
    const program = ts.createProgram(
      ["composed.ts", "deployed.ts"].map((file) => join(directory, file)),
      {
        ...{ module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
        ...{ target: ts.ScriptTarget.ES2022, strict: true, skipLibCheck: true, outDir: directory },
        ...{ exactOptionalPropertyTypes: true, types: ["node"], typeRoots: [join(modules, "@types")] },
      },
    );
    const { diagnostics } = program.emit();
    const found = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
  }, 300_000);

  test("has examples that register what they say, in their order", () => {
    // What the program logs comes first.
    const run = (name: string) =>
      JSON.parse(must(process.execPath, ["run.js", name], directory).split("\n").at(-1) ?? "") as Ran;
    const components = ({ registered }: Ran) => registered.filter((type) => type.startsWith("zero-trust:"));
    const composed = components(run("composed")).map((type) => type.split(":").at(-1));
    const chain = [
      "Spire spire",
      "CiliumAuth cilium-auth",
      "CiliumAuthPolicy access-orders",
      "DenyAll deny-all-orders",
    ];
    expect(composed.filter((name) => chain.includes(name ?? ""))).toEqual(chain);
    expect(composed.filter((name) => !chain.includes(name ?? "")).sort()).toEqual([
      ...["Certificates certificates", "IstioAuthPolicy access-Ist-orders", "LinkerdAuthPolicy access-Lin-orders"],
    ]);
    const deployed = run("deployed");
    expect(components(deployed)).toEqual([
      "zero-trust:rollout:Rollout rollout",
      "zero-trust:spire:Spire spire",
      "zero-trust:cilium:CiliumAuth cilium-auth",
      "zero-trust:access:CiliumAuthPolicy access-orders",
    ]);
    expect(deployed.outputs).toHaveProperty("rollout");
  });
});

/** Runs a program under Pulumi's mocks, as a preview, and prints what it registers. */
const runner = `
const pulumi = require("@pulumi/pulumi");
const registered = [];
(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      registered.push(type + " " + name);
      return { id: name, state: type === "pulumi:pulumi:StackReference" ? { ...inputs, outputs: {} } : inputs };
    },
    call: () => { throw new Error("a call"); },
  }, "theirs", "apps", true, "organization");
  const program = require("./" + process.argv[2]);
  const outputs = typeof program === "function" ? await program() : {};
  await pulumi.runtime.waitForRPCs();
  process.stdout.write(JSON.stringify({ registered, outputs: Object.fromEntries(Object.keys(outputs).map((key) => [key, true])) }));
  process.exit();
})();
`;
