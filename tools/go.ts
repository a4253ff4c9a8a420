import { spawn, spawnSync, type ChildProcess, type SpawnSyncReturns } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { clockFlag, clockOverlay, clockSource } from "./clock";
import { keep, kept } from "./kept";
import { programs, requirementOf, versionOf, type Program, type ProgramName } from "./programs";

/** What keeps a tool from being there; the message is for the user. */
export class ToolError extends Error {}

/** As {@link buildTools}, for one program: its path. */
export function buildTool(name: ProgramName): string {
  return buildTools([name])[name];
}

/**
 * Builds programs from the modules that pin them, into .build/bin: minutes the first time, nothing as long as neither their pins nor Go change, in this
 * checkout and in any other of the user's. Says on standard error what it builds.
 *
 * @returns the path of each
 * @throws ToolError where Go or a C compiler is missing, or go.sum does not vouch for what it got
 */
export function buildTools<Name extends ProgramName>(names: readonly Name[]): Record<Name, string> {
  const missing = names
    .map((name) => ({ name, program: programs[name], key: keyOf(programs[name]) }))
    .filter(({ name, key }) => !isBuilt(name, key) && !isKept(name, key));
  const download = missing.length > 1 ? startDownload(missing.slice(1).map(({ program }) => program)) : undefined;
  try {
    missing.forEach(({ name, program, key }, index) => {
      const position = missing.length > 1 ? `[${index + 1}/${missing.length}] ` : "";
      const started = Date.now();
      log(`${position}building ${name} ${versionOf(program)}: about ${program.minutes} min the first time`);
      build(name, program, key);
      log(`${position}built ${name} in ${Math.round((Date.now() - started) / 1000)} s`);
    });
  } finally {
    download?.kill();
  }
  return Object.fromEntries(names.map((name) => [name, pathOf(name)])) as Record<Name, string>;
}

const pathOf = (name: ProgramName) => resolve(".build", "bin", name);
const keyFile = (name: ProgramName) => resolve(".build", "bin", `.${name}.key`);
const isBuilt = (name: ProgramName, key: string) =>
  existsSync(pathOf(name)) && existsSync(keyFile(name)) && readFileSync(keyFile(name), "utf8") === key;
/** Whether another checkout has built it; then it is this one's too. */
const isKept = (name: ProgramName, key: string) => place(name, key, (path) => kept(name, key, path));
const log = (text: string) => process.stderr.write(`${text}\n`);

/** What a program is made from: another key, another program. */
function keyOf(program: Program): string {
  const directory = join("tools", program.module);
  const sources = readdirSync(directory)
    .filter((file) => program.own === true || !file.endsWith(".go"))
    .sort();
  const pins = sources.map((file) => readFileSync(join(directory, file), "utf8"));
  const { status, stdout } = go(program, ["env", "GOVERSION", "GOARCH"]);
  if (status !== 0) throw new ToolError(`This Go cannot build tools/${program.module}: see above`);
  const key = [stdout, pins, program.package, program.cgo, compilerFlags, tagsOf(program), linkerFlags(program)];
  if (program.clock !== undefined) key.push(clockSource);
  return createHash("sha256").update(JSON.stringify(key)).digest("hex");
}

/** Nobody debugs these programs: without what a debugger reads, Go compiles in three quarters of the time. */
const compilerFlags = "-gcflags=all=-dwarf=false";

const linkerFlags = (program: Program) =>
  [
    "-s",
    "-w",
    program.ldflags?.(versionOf(program)),
    program.clock === undefined ? undefined : clockFlag(program.clock),
  ]
    .filter((flag) => flag !== undefined)
    .join(" ");

/** What Go itself has written in C and in Go is built from Go, so that of C there is only what cannot do without, and the rest is shared with the programs that have none. */
const tagsOf = ({ cgo }: Program) => (cgo ? ["-tags=netgo,osusergo"] : []);

/**
 * Puts a program in its place when it is whole, so that whoever builds or runs the same program meanwhile has the one or the other.
 *
 * @param make writes the program to a path; false where it cannot
 */
function place(name: ProgramName, key: string, make: (path: string) => boolean): boolean {
  mkdirSync(resolve(".build", "bin"), { recursive: true });
  const directory = mkdtempSync(resolve(".build", "build-"));
  try {
    const [built, builtKey] = [join(directory, name), join(directory, "key")];
    if (!make(built)) return false;
    writeFileSync(builtKey, key);
    renameSync(built, pathOf(name));
    renameSync(builtKey, keyFile(name));
    return true;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function build(name: ProgramName, program: Program, key: string): void {
  if (program.cgo) checkCompiler(name, program);
  const flags = ["-mod=readonly", compilerFlags, ...tagsOf(program), "-ldflags", linkerFlags(program)];
  place(name, key, (path) => {
    const { status } = go(program, [
      "build",
      ...flags,
      ...overlayFlags(program, dirname(path)),
      "-o",
      path,
      program.package,
    ]);
    if (status !== 0) throw new ToolError(`${name} cannot be built: see above`);
    keep(name, key, path);
    return true;
  });
}

/** The flags that have the compiler take other files than those on disk, which are written to a directory (`go help build`, -overlay). */
function overlayFlags(program: Program, directory: string): string[] {
  const overlay = overlayOf(program, directory);
  return overlay === undefined ? [] : ["-overlay", overlay];
}

function overlayOf(program: Program, directory: string): string | undefined {
  if (program.generates) return generatedOverlay(program, program.generates, directory);
  return program.clock === undefined ? undefined : clockOverlayOf(program, directory);
}

function generatedOverlay(program: Program, generates: NonNullable<Program["generates"]>, directory: string): string {
  const upstream = go(program, ["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", requirementOf(program).path]);
  const entries = Object.entries(generates(upstream.stdout.trim())).map(([name, content]) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return [resolve("tools", program.module, name), path];
  });
  const overlay = join(directory, "overlay.json");
  writeFileSync(overlay, JSON.stringify({ Replace: Object.fromEntries(entries) as unknown }));
  return overlay;
}

function clockOverlayOf(program: Program, directory: string): string {
  const goroot = go(program, ["env", "GOROOT"]).stdout.trim();
  const overlay = clockOverlay(goroot, directory);
  if (overlay !== undefined) return overlay;
  throw new ToolError(`The time.Now of this Go, in ${goroot}, is another one than tools/clock.ts was written for`);
}

/**
 * Downloads what programs are made of while others are built: a build waits for the network half of its time. Says nothing: what fails here fails again when the
 * program is built.
 */
function startDownload(programs: readonly Program[]): ChildProcess {
  const commands = programs.map(
    ({ module, package: path, cgo }) =>
      `CGO_ENABLED=${cgo ? 1 : 0} go list -C ${join("tools", module)} -mod=readonly -deps ${path}`,
  );
  return spawn("/bin/sh", ["-c", commands.join("\n")], { env: { ...process.env, GOWORK: "off" }, stdio: "ignore" });
}

function checkCompiler(name: ProgramName, program: Program): void {
  const compiler = go(program, ["env", "CC"]).stdout.trim();
  const { error } = spawnSync(compiler.split(" ")[0]!, ["--version"], { stdio: "ignore" });
  if (error)
    throw new ToolError(
      `The C compiler ${compiler} is not installed, with which ${name} is built: apt-get install gcc libc6-dev`,
    );
}

/**
 * Downloads a module for the files in it.
 *
 * @param sum its checksum as go.sum would have it: `h1:…`
 * @returns the module's directory
 * @throws ToolError where Go is missing, the module is not to be had, or it is another than it was
 */
export function downloadModule(path: string, version: string, sum: string): string {
  const { status, stdout } = run(["mod", "download", "-json", `${path}@${version}`], {});
  const found = (stdout === "" ? {} : JSON.parse(stdout)) as { Dir?: string; Sum?: string; Error?: string };
  if (status !== 0 || found.Dir === undefined)
    throw new ToolError(`${path}@${version} cannot be downloaded: ${found.Error ?? "no answer"}`);
  if (found.Sum !== sum) throw new ToolError(`${path}@${version} is ${found.Sum}, but ${sum} is expected`);
  return found.Dir;
}

/** Go in a program's module, whatever workspace is around it. */
const go = ({ module, cgo }: Program, [command, ...args]: readonly [string, ...string[]]) =>
  run([command, "-C", join("tools", module), ...args], {
    GOWORK: "off",
    CGO_ENABLED: cgo ? "1" : "0",
    // A compiler that looks less often for memory that it could free is done sooner, and needs up to 2 GiB for the largest package.
    GOGC: "400",
  });

function run(args: readonly string[], env: NodeJS.ProcessEnv): SpawnSyncReturns<string> {
  const result = spawnSync("go", args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if ((result.error as NodeJS.ErrnoException | undefined)?.code === "ENOENT")
    throw new ToolError(
      "Go is not installed, with which the tools are built: get 1.26 or later from go.dev/doc/install",
    );
  if (result.error) throw result.error;
  return result;
}
