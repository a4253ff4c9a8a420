import { appendFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { UsageError } from "../lib/command";
import { marker } from "./markdown";

/** The comments of one pull request or merge request. */
export interface Comments {
  /** Those that are of whoever posts here, page by page from 1 on; undefined after the last. */
  readonly page: (page: number) => Promise<readonly { readonly id: number; readonly body: string }[] | undefined>;
  readonly create: (body: string) => Promise<void>;
  readonly update: (id: number, body: string) => Promise<void>;
}

/** What a service answered that was no success. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    what: string,
    /** How long to wait before the next try, in seconds, where the service said it. */
    readonly after?: number,
  ) {
    super(what);
  }
  /** Whether another try may help. */
  get passes(): boolean {
    return this.status >= 500 || this.status === 429 || this.after !== undefined;
  }
}

/** Writes the comment: over the one that is there, or else a new one. A try that failed begins with another look, so that none is made twice. */
export async function upsert(comments: Comments, body: string, pause = wait): Promise<"created" | "updated"> {
  for (let tried = 1; ; tried++)
    try {
      const own = await find(comments);
      if (own === undefined) await comments.create(body);
      else await comments.update(own, body);
      return own === undefined ? "created" : "updated";
    } catch (error) {
      // Refused by the service for now, or a connection that was lost or never made, which fetch tells by a TypeError and a timeout by its name.
      const again = error instanceof Refused ? error.passes : error instanceof TypeError || isTimeout(error);
      if (!again || tried === tries) throw error;
      const told = error instanceof Refused ? error.after : undefined;
      await pause(Math.min(told ?? 2 ** tried, 60) * 1000);
    }
}

const tries = 4;

async function find(comments: Comments): Promise<number | undefined> {
  for (let page = 1; ; page++) {
    const found = await comments.page(page);
    if (!found) return undefined;
    const own = found.find(({ body }) => body.startsWith(marker));
    if (own) return own.id;
  }
}

const isTimeout = (error: unknown) => error instanceof Error && ["TimeoutError", "AbortError"].includes(error.name);

/** One request with JSON; a failure is told without its address, its headers and its answer. */
export async function ask(
  url: string,
  headers: Record<string, string>,
  method = "GET",
  body?: object,
): Promise<unknown> {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
    // A token goes to the service that it is for, and no further.
    redirect: "error",
    signal: AbortSignal.timeout(30_000),
  });
  if (response.ok) return response.json();
  await response.body?.cancel();
  const after = Number(response.headers.get("retry-after") ?? NaN);
  throw new Refused(
    response.status,
    `${method} was answered with ${response.status}`,
    Number.isNaN(after) ? undefined : after,
  );
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that the service's runner sets. */
export function needed(environment: Environment, name: string): string {
  const value = environment[name];
  if (value === undefined || value === "") throw new UsageError(`${name} is not set`);
  return value;
}

/**
 * Posts the comment. Where that is not allowed, as to a workflow that runs for a fork, the job's summary gets it.
 *
 * @param comments undefined where nobody may comment
 * @returns what was done, for the log
 */
export async function post(
  comments: Comments | undefined,
  body: string,
  summary: string | undefined,
  pause = wait,
): Promise<string> {
  try {
    if (comments) return `The comment was ${await upsert(comments, body, pause)}.`;
  } catch (error) {
    if (!(error instanceof Refused) || ![401, 403, 404].includes(error.status)) throw error;
  }
  if (summary === undefined) return body;
  appendFileSync(summary, body);
  return "This job may not comment, so the job's summary has it.";
}
