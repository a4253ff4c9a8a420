import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { UsageError } from "../lib/command";
import { objectChanges, readObjects, type ObjectChange } from "./objects";
import { readPreview, type Preview } from "./preview";

/** Who gains or loses access: the `Change` of core/access/difference.ts. */
const accessChange = z.object({
  direction: z.enum(["gained", "lost", "must authenticate", "need not authenticate"]),
  from: z.string(),
  kind: z.enum(["namespace", "entity", "cidr"]).exactOptional(),
  except: z.array(z.string()).exactOptional(),
  to: z.string(),
  namespace: z.string(),
  selector: z.record(z.string(), z.string()).exactOptional(),
  without: z.array(z.record(z.string(), z.string())).exactOptional(),
  port: z.number().exactOptional(),
  operations: z.array(z.string()).exactOptional(),
  beside: z.array(z.string()).exactOptional(),
  authenticated: z.literal(true).exactOptional(),
  why: z.array(z.string()),
});

/** What of `npm run render -- --json` is read. */
const rendered = z.object({
  stacks: z.array(
    z.object({
      // It is the name of a folder too.
      name: z.string().regex(/^(?!\.+$)[\w.-]+$/),
      auth: z.boolean(),
      phases: z.record(z.string(), z.string()),
      guardrails: z.array(
        z.object({
          name: z.string(),
          verdict: z.enum(["pass", "warn", "fail", "not decided"]),
          violations: z.array(
            z.object({ where: z.string(), message: z.string(), namespace: z.string().exactOptional() }),
          ),
        }),
      ),
      // With --base, and no changes where what was before cannot be read.
      difference: z.object({ note: z.string().optional(), changes: z.array(accessChange).optional() }).optional(),
    }),
  ),
});

export type RenderedStack = z.infer<typeof rendered>["stacks"][number];

/** A render of all stacks, or what it said instead. */
type Render = { readonly stacks: readonly RenderedStack[] } | { readonly failed: string };

/** What a change does to one stack. */
export interface StackChange {
  readonly name: string;
  /** Undefined where the change removes the stack. */
  readonly head: RenderedStack | undefined;
  /** Undefined where the change adds the stack, and where nothing is known of what was. */
  readonly base: RenderedStack | undefined;
  /** Undefined where nothing is known of what was. */
  readonly objects: readonly ObjectChange[] | undefined;
  /** Undefined where none was run. */
  readonly preview: Preview | undefined;
}

/** What a change does. */
export interface Change {
  readonly stacks: readonly StackChange[];
  /** What render said where the change cannot be rendered. */
  readonly failed?: string;
  /** What render said where what was before cannot be rendered. */
  readonly baseFailed?: string;
}

/**
 * Reads what was written of a change:
 *
 * - `head.json`, `head.txt`, `head/`: what `npm run render -- --json --out …/head` printed, said and wrote
 * - `base.json`, `base.txt`, `base/`: the same of what was before, where that is known
 * - `preview/<stack>.json`, `.txt`: what `pulumi preview --json` printed and said; `<stack>.failed` where it ended with anything but 0
 *
 * @throws UsageError where nothing of this is there, or something is not what it should be
 */
export function readChange(directory: string): Change {
  const head = readRender(directory, "head");
  const base = readRender(directory, "base");
  if (!head) throw new UsageError(`${join(directory, "head.json")} is not there; --help says how it is made`);
  const of = (render: Render | undefined) => (render && "stacks" in render ? render.stacks : []);
  const known = base !== undefined && "stacks" in base;
  const names = [...new Set([...of(head), ...of(base)].map(({ name }) => name))].sort();
  const failed = "failed" in head;
  return {
    stacks: failed
      ? []
      : names.map((name) => {
          const rendered = of(head).find((stack) => stack.name === name);
          const guardrails = rendered?.guardrails.map((guardrail) => guardrail.name) ?? [];
          return {
            name,
            head: rendered,
            base: of(base).find((stack) => stack.name === name),
            objects: known ? objectsOf(directory, name) : undefined,
            preview: previewOf(directory, name, guardrails),
          };
        }),
    ...(failed ? { failed: head.failed } : {}),
    ...(base && "failed" in base ? { baseFailed: base.failed } : {}),
  };
}

function readRender(directory: string, name: string): Render | undefined {
  const path = join(directory, `${name}.json`);
  if (!existsSync(path)) return undefined;
  const printed = readFileSync(path, "utf8").trim();
  if (printed === "") return { failed: textIn(join(directory, `${name}.txt`)) };
  return understood(path, () => rendered.parse(JSON.parse(printed)));
}

function objectsOf(directory: string, name: string): ObjectChange[] {
  const read = (side: string) => {
    const path = join(directory, side, name);
    return understood(path, () => readObjects(path));
  };
  return objectChanges(read("base"), read("head"));
}

function previewOf(directory: string, name: string, guardrails: readonly string[]): Preview | undefined {
  const path = (ending: string) => join(directory, "preview", `${name}.${ending}`);
  if (!existsSync(path("json"))) return undefined;
  return readPreview(textIn(path("json")), textIn(path("txt")), existsSync(path("failed")), guardrails);
}

/** What is wrong with a file, without what is in it. */
function understood<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const where = error instanceof z.ZodError ? ` at ${error.issues[0]?.path.join(".") ?? ""}` : "";
    throw new UsageError(`${path} is not what npm run render writes${where}`);
  }
}

const textIn = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");
