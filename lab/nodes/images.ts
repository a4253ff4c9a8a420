import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { LabError } from "../processes";

/** An image that is made of this machine's own files. */
export interface Image {
  /** As in `lab.invalid/spire-agent:1.13.0`. */
  readonly reference: string;
  /** Files and folders by their place in the image. What a program is linked with comes along. */
  readonly files: Readonly<Record<string, string>>;
  /** Symbolic links by their place in the image. */
  readonly links?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Makes the archive of an image, where it is not there or one of its files is another by now.
 *
 * @returns its path, in .build/images
 */
export function buildImage(image: Image): string {
  const files = { ...libraries(Object.values(image.files)), ...image.files };
  const state = Object.entries(files).map(([to, from]) => [to, from, statSync(from).size, statSync(from).mtimeMs]);
  const key = createHash("sha256")
    .update(JSON.stringify([image, state]))
    .digest("hex");
  const directory = resolve(".build", "images");
  const name = image.reference.replace(/^.*\//, "").replace(/:.*/, "");
  const path = join(directory, `${name}-${key.slice(0, 16)}.tar`);
  if (existsSync(path)) return path;
  mkdirSync(directory, { recursive: true });
  const work = mkdtempSync(join(directory, ".new-"));
  try {
    const root = join(work, "root");
    for (const place of ["tmp", "etc", "proc", "sys", "dev", "run", "var/run"])
      mkdirSync(join(root, place), { recursive: true });
    chmodSync(join(root, "tmp"), 0o1777);
    for (const [to, from] of Object.entries(files)) {
      mkdirSync(dirname(join(root, to)), { recursive: true });
      cpSync(realpathSync(from), join(root, to), { recursive: true, dereference: true });
      // A Go module's files have lost that.
      if (statSync(from).isFile()) chmodSync(join(root, to), 0o755);
    }
    for (const [to, target] of Object.entries(image.links ?? {})) {
      mkdirSync(dirname(join(root, to)), { recursive: true });
      symlinkSync(target, join(root, to));
    }
    const layer = join(work, "layer.tar");
    tar(root, layer, ["."]);
    const digest = createHash("sha256").update(readFileSync(layer)).digest("hex");
    const environment = { PATH: "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...image.environment };
    const config = {
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: {
        Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
        ...(image.entrypoint ? { Entrypoint: image.entrypoint } : {}),
        WorkingDir: "/",
      },
      rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
    };
    const manifest = [{ Config: "config.json", RepoTags: [image.reference], Layers: ["layer.tar"] }];
    writeFileSync(join(work, "config.json"), JSON.stringify(config));
    writeFileSync(join(work, "manifest.json"), JSON.stringify(manifest));
    const archive = join(work, "archive.tar");
    tar(work, archive, ["manifest.json", "config.json", "layer.tar"]);
    renameSync(archive, path);
    return path;
  } finally {
    rmSync(work, { recursive: true });
  }
}

function tar(directory: string, archive: string, names: readonly string[]): void {
  const owner = ["--owner=0", "--group=0", "--numeric-owner", "--sort=name"];
  const { error, status, stderr } = spawnSync("tar", ["-C", directory, ...owner, "-cf", archive, ...names], {
    encoding: "utf8",
  });
  if (error) throw error;
  if (status !== 0) throw new LabError(`tar: ${stderr}`);
}

/** What programs are linked with, by its own path. */
function libraries(files: readonly string[]): Record<string, string> {
  const programs = files.filter((file) => statSync(file).isFile());
  const { stdout } = spawnSync("ldd", programs, { encoding: "utf8" });
  const paths = [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path]) => path!);
  return Object.fromEntries(paths.map((path) => [path, path]));
}
