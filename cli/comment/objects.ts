import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { load } from "js-yaml";
import * as z from "zod";
import { objectFolders } from "../lib/files";

/** One object of a stack that a change adds, removes or alters. */
export interface ObjectChange {
  /** `StatefulSet spire/spire-server`, or a file with values for a chart. */
  readonly object: string;
  readonly change: "added" | "removed" | "changed";
  /** Where it differs, and how where that is a word: `spec.replicas 1 -> 3`. */
  readonly fields: readonly string[];
}

/** What `npm run render` wrote of one stack. */
export interface RenderedObjects {
  /** What is rendered of each object; undefined of a Secret, whose contents are in no file. */
  readonly objects: ReadonlyMap<string, { readonly content: unknown; readonly place: object | undefined }>;
}

const graph = z.array(
  z.object({
    component: z.string(),
    objects: z.array(z.object({ object: z.string(), after: z.array(z.string()), keep: z.unknown() })),
  }),
);

/**
 * Reads the files of one stack.
 *
 * @param directory what `--out` named, with the stack's name; undefined where nothing is there
 */
export function readObjects(directory: string): RenderedObjects | undefined {
  if (!existsSync(join(directory, "graph.json"))) return undefined;
  const planned = graph.parse(JSON.parse(readFileSync(join(directory, "graph.json"), "utf8")));
  const places = new Map(
    planned.flatMap(({ component, objects }) =>
      objects.map(({ object, after, keep }) => [object, { component, after, keep }] as const),
    ),
  );
  const files = ["", ...objectFolders].flatMap((folder) =>
    existsSync(join(directory, folder))
      ? readdirSync(join(directory, folder))
          .filter((file) => file.endsWith(".yaml"))
          .map((file) => join(folder, file))
      : [],
  );
  const contents = new Map(
    files.map((file) => {
      const content = load(readFileSync(join(directory, file), "utf8"));
      return [nameOf(content) ?? file, content] as const;
    }),
  );
  const names = [...new Set([...places.keys(), ...contents.keys()])].sort();
  return {
    objects: new Map(names.map((name) => [name, { content: contents.get(name), place: places.get(name) }])),
  };
}

const named = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string(), namespace: z.string().optional() }),
});

/** As `describeObject` has it. */
function nameOf(content: unknown): string | undefined {
  const read = named.safeParse(content);
  if (!read.success) return undefined;
  const { kind, metadata } = read.data;
  return `${kind} ${metadata.namespace === undefined ? "" : `${metadata.namespace}/`}${metadata.name}`;
}

const nothing: RenderedObjects = { objects: new Map() };

/** What is other in `head` than it is in `base`, in the order of their names. */
export function objectChanges({ objects: base } = nothing, { objects: head } = nothing): ObjectChange[] {
  return [...new Set([...base.keys(), ...head.keys()])].sort().flatMap((object): ObjectChange[] => {
    const [before, after] = [base.get(object), head.get(object)];
    if (!before) return [{ object, change: "added", fields: [] }];
    if (!after) return [{ object, change: "removed", fields: [] }];
    const fields = [
      ...differences(before.content, after.content, ""),
      ...(isDeepStrictEqual(before.place, after.place) ? [] : ["(its component, its order or what may delete it)"]),
    ];
    return fields.length > 0 ? [{ object, change: "changed", fields }] : [];
  });
}

/** The paths at which two values differ. */
function differences(before: unknown, after: unknown, path: string): string[] {
  if (isDeepStrictEqual(before, after)) return [];
  const [old, now] = [entriesOf(before), entriesOf(after)];
  if (!old || !now || Array.isArray(before) !== Array.isArray(after)) return [`${path}${howItDiffers(before, after)}`];
  const step = (key: string) => (Array.isArray(after) ? `[${key}]` : path === "" ? key : `.${key}`);
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) =>
    differences(old.get(key), now.get(key), `${path}${step(key)}`),
  );
}

const entriesOf = (value: unknown): Map<string, unknown> | undefined =>
  typeof value === "object" && value !== null ? new Map(Object.entries(value)) : undefined;

/** How, where that is short enough to be shown: what is longer is a configuration, which is looked up in the files. */
function howItDiffers(before: unknown, after: unknown): string {
  if (after === undefined) return " (removed)";
  if (before === undefined && typeof after === "object") return " (added)";
  const [from, to] = [before === undefined ? "none" : asWord(before), asWord(after)];
  return from !== undefined && to !== undefined ? ` ${from} -> ${to}` : "";
}

function asWord(value: unknown): string | undefined {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return typeof value === "object" || /\s/.test(text) || text.length > 60 ? undefined : text;
}
