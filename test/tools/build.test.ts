import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { programNames, programs, versionOf } from "../../tools/programs";
import { root } from "../support/stacks";

const modules = readdirSync(join(root, "tools"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

describe.each(modules)("the module tools/%s", (module) => {
  const file = readFileSync(join(root, "tools", module, "go.mod"), "utf8");
  const its = Object.values(programs).filter((program) => program.module === module);
  /** Those that are not the package of the folder itself. */
  const others = its.filter((program) => !program.package.startsWith("zero-trust/"));

  test("names as its tools the packages of the programs that are built from it, and has checksums", () => {
    const tools = /^tool (\([^)]*\)|\S+)$/m.exec(file)?.[1]?.match(/[^\s()]+/g) ?? [];
    expect(tools.sort()).toEqual([...new Set(others.map((program) => program.package))].sort());
    expect(statSync(join(root, "tools", module, "go.sum")).size).toBeGreaterThan(0);
  });

  test("requires first the module that its programs are in, whose version is theirs", () => {
    const [, path, version] = /^require (\S+) (v\S+)/m.exec(file) ?? [];
    for (const program of its) expect(versionOf(program)).toBe(version);
    for (const program of others) expect(program.package).toContain(path);
  });

  test("is built with C, or without, but not both ways", () => {
    expect(new Set(its.map(({ cgo = false }) => cgo)).size).toBe(1);
  });
});

test("what Kubernetes, Pulumi and SPIRE are told of their version is that of the module", () => {
  const flags = (name: "kubectl" | "pulumi" | "spire-agent") => programs[name].ldflags?.(versionOf(programs[name]));
  expect(flags("kubectl")).toMatch(
    /^-X k8s\.io\/component-base\/version\.gitVersion=v1\.\d+\.\d+ -X k8s\.io\/client-go/,
  );
  expect(flags("spire-agent")).toMatch(/version\.gittag=1\.\d+\.\d+$/);
  expect(flags("pulumi")).toMatch(/version\.Version=v3\.\d+\.\d+$/);
});

describe("npm run tools", () => {
  const scratch = mkdtempSync(join(tmpdir(), "zero-trust-tools-"));
  const bundle = join(scratch, "tools.js");
  beforeAll(() =>
    build({
      entryPoints: [join(root, "tools/build.ts")],
      bundle: true,
      platform: "node",
      target: "node20",
      outfile: bundle,
    }),
  );
  afterAll(() => rmSync(scratch, { recursive: true }));

  let project: string;
  beforeEach(() => {
    project = mkdtempSync(join(scratch, "project-"));
    cpSync(join(root, "tools"), join(project, "tools"), { recursive: true });
    mkdirSync(join(project, "bin"));
    const command = join(project, "upstream", "cmd", "pulumi-resource-kubernetes");
    mkdirSync(command, { recursive: true });
    writeFileSync(join(command, "schema.json"), '{ "name": "kubernetes", "version": "4.0.0" }');
    writeFileSync(join(command, "terraform-mapping.json"), "{ }");
  });

  /** Go, as far as it is needed: it writes `program` where it is told to, and notes how it was called. */
  const installGo = (building = 'echo "$PROGRAM" > "$1"') =>
    writeFileSync(
      join(project, "bin", "go"),
      `#!/bin/sh
       echo "$@" >> ${join(project, "calls")}
       case "$*" in
         env*CC) echo cc-of-nobody;;
         env*) echo go1.26.0;;
         list*) echo ${join(project, "upstream")};;
         build*) while [ "$1" != -o ]; do shift; done; shift; ${building};;
       esac`,
      { mode: 0o755 },
    );
  const env = (program: string) => ({
    PATH: join(project, "bin"),
    PROGRAM: program,
    XDG_CACHE_HOME: join(project, "cache"),
  });
  const run = (args: string[], program = "whole", cwd = project) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [bundle, ...args], {
      cwd,
      encoding: "utf8",
      env: env(program),
    });
    return { status, stdout, stderr };
  };
  const built = (name: string) => readFileSync(join(project, ".build", "bin", name), "utf8");
  const builds = () => readFileSync(join(project, "calls"), "utf8").match(/^build .*$/gm) ?? [];

  test("says in one line that Go is missing, and where to get it", () => {
    expect(run(["etcd"])).toEqual({
      status: 2,
      stdout: "",
      stderr: "Go is not installed, with which the tools are built: get 1.26 or later from go.dev/doc/install\n",
    });
  });

  test("says that the C compiler is missing, and the command that installs it, only for what needs one", () => {
    installGo();
    expect(run(["etcd"]).status).toBe(0);
    const { status, stderr } = run(["spire-server"]);
    expect(status).toBe(2);
    expect(stderr).toContain(
      "The C compiler cc-of-nobody is not installed, with which spire-server is built: apt-get install gcc libc6-dev\n",
    );
  });

  test("knows which name may have been meant, and else says which there are", () => {
    const stderr = "is no program of tools/; write";
    expect(run(["kubctl"])).toEqual({ status: 2, stdout: "", stderr: `kubctl ${stderr} kubectl\n` });
    expect(run(["envoy"]).stderr).toBe(`envoy ${stderr} one of ${programNames.join(", ")}\n`);
  });

  test("builds what is asked for and no more, against the checksums, and says which of how many", () => {
    installGo();
    const { stdout, stderr } = run(["etcd", "kubectl"]);
    expect(stdout).toMatch(/^etcd v[\d.]+ {2}\.build\/bin\/etcd\nkubectl v[\d.]+ {2}\.build\/bin\/kubectl\n$/);
    expect(stderr).toMatch(/^\[1\/2\] building etcd v[\d.]+: about \d min the first time\n/);
    expect(stderr).toMatch(/\n\[2\/2\] built kubectl in \d+ s\n$/);
    expect(builds()).toHaveLength(2);
    for (const call of builds()) expect(call).toContain(" -mod=readonly ");
  });

  test("builds once for all checkouts of a user, and again when a checksum changes", () => {
    installGo();
    run(["etcd"]);
    expect(run(["etcd"])).toMatchObject({ status: 0, stderr: "" });
    const checkout = join(project, "other");
    cpSync(join(project, "tools"), join(checkout, "tools"), { recursive: true });
    expect(run(["etcd"], "other", checkout)).toMatchObject({ status: 0, stderr: "" });
    expect(readFileSync(join(checkout, ".build", "bin", "etcd"), "utf8")).toBe("whole\n");
    expect(builds()).toHaveLength(1);
    writeFileSync(join(project, "tools", "etcd", "go.sum"), "another");
    run(["etcd"], "other");
    expect([builds().length, built("etcd")]).toEqual([2, "other\n"]);
    // What the other checkout runs is what it was.
    expect(readFileSync(join(checkout, ".build", "bin", "etcd"), "utf8")).toBe("whole\n");
  });

  test("builds all the same where nothing can be kept, and forgets what nobody asks for any more", () => {
    installGo();
    const cache = join(project, "cache");
    writeFileSync(cache, "no directory");
    expect(run(["etcd"]).status).toBe(0);
    rmSync(cache);
    rmSync(join(project, ".build"), { recursive: true });
    const old = join(cache, "zero-trust", "programs", "etcd", "old");
    mkdirSync(old, { recursive: true });
    utimesSync(old, 0, 0);
    run(["etcd"]);
    expect(builds()).toHaveLength(2);
    expect(existsSync(old)).toBe(false);
  });

  test("keeps the program that is there when a build fails, leaves nothing behind, and does not take it for the new one", () => {
    installGo();
    run(["etcd"]);
    writeFileSync(join(project, "tools", "etcd", "go.sum"), "another");
    installGo('echo half > "$1"; exit 1');
    const failed = { status: 2, stderr: expect.stringMatching(/etcd cannot be built: see above\n$/) as string };
    expect(run(["etcd"])).toMatchObject(failed);
    expect(built("etcd")).toBe("whole\n");
    expect(readdirSync(join(project, ".build"))).toEqual(["bin"]);
    expect(run(["etcd"])).toMatchObject(failed);
  });

  test("builds the same in two processes at once: each has a whole program, one after the other", async () => {
    // Each build is done only when the other has begun, so that they do meet.
    const [ours, theirs] = ["ours", "theirs"].map((name) => join(project, name));
    installGo(
      `: > "$PROGRAM"; echo begun > "$1"; while [ ! -e ${ours} ] || [ ! -e ${theirs} ]; do :; done; echo "$PROGRAM" > "$1"`,
    );
    const codes = await Promise.all(
      [ours!, theirs!].map(async (program) => {
        const child = spawn(process.execPath, [bundle, "etcd"], { cwd: project, env: env(program), stdio: "ignore" });
        return ((await once(child, "exit")) as [number])[0];
      }),
    );
    expect(codes).toEqual([0, 0]);
    expect([`${ours}\n`, `${theirs}\n`]).toContain(built("etcd"));
    expect(readdirSync(join(project, ".build"))).toEqual(["bin"]);
  });

  test("builds all programs when none is named, C or not, but those of a single test", () => {
    installGo();
    const compiler = join(project, "bin", "cc-of-nobody");
    writeFileSync(compiler, "#!/bin/sh\n", { mode: 0o755 });
    expect(run([]).status).toBe(0);
    for (const name of programNames)
      expect([name, existsSync(join(project, ".build", "bin", name))]).toEqual([name, !programs[name].rare]);
  });

  test("builds Pulumi's provider with the files that its own build generates, for the version of the SDK", () => {
    const copied = join(project, "bin");
    installGo(`cp "$(dirname "$1")"/*.json ${copied}; echo "$PROGRAM" > "$1"`);
    for (const command of ["cp", "dirname"]) symlinkSync(`/usr/bin/${command}`, join(copied, command));
    expect(run(["pulumi-resource-kubernetes"])).toMatchObject({ status: 0 });
    const made = (name: string) => JSON.parse(readFileSync(join(copied, name), "utf8")) as Record<string, unknown>;
    const { version } = JSON.parse(readFileSync("node_modules/@pulumi/kubernetes/package.json", "utf8")) as {
      version: string;
    };
    expect(made("schema-embed.json")).toEqual({ name: "kubernetes", version });
    expect(Object.keys(made("overlay.json")["Replace"] as object)).toEqual(
      ["schema", "terraform-mapping"].map((name) => join(project, "tools/pulumi-kubernetes", `${name}-embed.json`)),
    );
    expect(builds()[0]).toContain(`version.Version=${version}`);
  });

  test("builds one with a clock of its own from another time.Now, which reads the file that the linker names, and stops at one that it does not know", () => {
    installGo(
      `cp "$(dirname "$1")"/*.go "$(dirname "$1")"/overlay.json ${join(project, "bin")}; echo "$PROGRAM" > "$1"`,
    );
    const compiler = join(project, "bin", "cc-of-nobody");
    writeFileSync(compiler, "#!/bin/sh\n", { mode: 0o755 });
    for (const command of ["cp", "dirname"]) symlinkSync(`/usr/bin/${command}`, join(project, "bin", command));
    const time = join(project, "go1.26.0", "src", "time");
    mkdirSync(time, { recursive: true });
    const now = (asks: string) =>
      writeFileSync(join(time, "time.go"), `package time\nfunc Now() Time {\n\t${asks}\n\treturn Time{}\n}\n`);
    now("sec, nsec, mono := runtimeNow()");
    expect(run(["spire-agent-clock"])).toMatchObject({ status: 0 });
    const [call = ""] = builds();
    expect(call).toMatch(/ -X time\.labClock=\/run\/spire\/sockets\/clock .*-overlay \S+overlay\.json /);
    expect(readFileSync(join(project, "bin", "time.go"), "utf8")).toContain("runtimeNow()\n\tsec += labShift()\n");
    now("sec := somethingElse()");
    const { status, stderr } = run(["spire-server-clock"]);
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining("is another one than tools/clock.ts was written for"),
    ]);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
