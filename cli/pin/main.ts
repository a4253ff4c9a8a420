import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as z from "zod";
import { defaultSpireVersion } from "../../core/schema/versions";
import { parseImage } from "../../core/util/imageReference";
import { defaultImages, type Digests } from "../../components/spire/images";
import { isSystemError, parsed, print, runCommand, UsageError } from "../lib/command";
import { readDigest, RegistryError, type TaggedImage } from "./registry";

const usage = `Reads the digests of SPIRE's images from their registries, and records them for render, preview and up.

npm run pin -- [options] [IMAGE...]
  IMAGE           as in registry.corp/spiffe/spire-server:1.15.3 (default: SPIRE's own images)
  --version X     the version of SPIRE's own images (default: ${defaultSpireVersion})
  --check         compare only, and write nothing
  --replace       record the new digest of a tag that was moved
  --help          this text

Only https, without a login; plain http for localhost and 127.0.0.1. SPIRE's pods roll in the next update of a stack whose images changed.

Exit: 0, 1 when a digest cannot be read or is not the recorded one, 2 when an option or the file is wrong.`;

/** Relative to the project's directory. */
const file = join("components", "spire", "digests.json");
const digestsSchema = z.record(
  z.string(),
  z.record(z.string(), z.strictObject({ digest: z.string().regex(/^sha256:[0-9a-f]{64}$/), source: z.string() })),
);

async function main(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  if (options.help) return print(usage);
  const recorded = readRecorded();

  let digests = recorded;
  let failures = 0;
  for (const image of options.images) {
    print(`${image.repository}:${image.tag}`);
    try {
      const found = await readDigest(image);
      const known = recorded[image.repository]?.[image.tag];
      if (known?.digest === found) print(`  ${found}, as recorded`);
      else {
        if (known && !options.replace) throw new RegistryError(moved(known, found, options.check));
        if (options.check) throw new RegistryError(`not recorded: ${found}; npm run pin records it`);
        print(`  ${known?.digest ?? "none"} -> ${found}`);
        digests = withDigest(digests, image, found);
      }
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      process.stderr.write(`  ${error.message}\n`);
      failures++;
    }
  }
  if (failures > 0) process.stderr.write(`${failures} of ${options.images.length} failed; nothing is written\n`);
  else if (digests !== recorded) {
    writeFileSync(file, `${JSON.stringify(digests, null, 2)}\n`);
    print(`Recorded in ${file}`);
  }
  return failures > 0 ? 1 : 0;
}

const moved = (known: { digest: string; source: string }, found: string, check: boolean) =>
  `a moved tag: ${known.digest} is recorded (${known.source}), and the registry now has ${found}. ` +
  `Find out who moved it, and why${check ? "" : "; --replace records the new one"}`;

/** The digests and one more, sorted, so that the file is the same whatever the order in which they came. */
function withDigest(digests: Digests, { repository, tag, registry }: TaggedImage, digest: string): Digests {
  const versions = { ...digests[repository], [tag]: { digest, source: `${registry}, read by npm run pin` } };
  return sorted({ ...digests, [repository]: sorted(versions) });
}

const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

function readRecorded(): Digests {
  const restore = "run this in the project's directory, and restore the file from Git if need be";
  try {
    return digestsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    if (error instanceof z.ZodError) throw new UsageError(`${file} holds what is no digest; ${restore}`);
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}; ${restore}`);
  }
}

function readOptions(argv: string[]) {
  return parsed(usage, () => {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        version: { type: "string" },
        check: { type: "boolean", default: false },
        replace: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const { version, check, replace } = values;
    if (version !== undefined && !/^\d+\.\d+\.\d+$/.test(version))
      throw new UsageError(`--version ${version}: write a full version, as in ${defaultSpireVersion}`);
    if (version !== undefined && positionals.length > 0)
      throw new UsageError("--version is that of SPIRE's own images: leave it out, or the images");
    if (check && replace) throw new UsageError("--check writes nothing: leave it out, or --replace");
    const own = Object.values(defaultImages(version ?? defaultSpireVersion));
    return { ...values, images: (positionals.length > 0 ? positionals : own).map(taggedImage) };
  });
}

function taggedImage(text: string): TaggedImage {
  const image = parseImage(text);
  if (image?.registry === undefined || image.tag === undefined || image.digest !== undefined)
    throw new UsageError(
      `${text}: write an image with its registry and version, as in ghcr.io/spiffe/spire-agent:1.15.3`,
    );
  if (!URL.canParse(`https://${image.registry}`)) throw new UsageError(`${text}: ${image.registry} is no host`);
  if (image.tag === "latest") throw new UsageError(`${text}: latest moves with every release; write a version`);
  return { ...image, registry: image.registry, tag: image.tag };
}

runCommand(() => main(process.argv.slice(2)), isSystemError);
