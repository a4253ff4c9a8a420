import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { githubComments } from "../../../cli/comment/github";
import { gitlabNotes } from "../../../cli/comment/gitlab";
import { marker } from "../../../cli/comment/markdown";
import { post, type Comments } from "../../../cli/comment/post";

interface Note {
  readonly id: number;
  body: string;
  readonly user?: { type: string };
  readonly author?: { id: number };
  readonly system?: boolean;
}

/** A service with the comments of one pull request, which answers as GitHub and GitLab do, or as it is told to. */
class Service {
  readonly notes: Note[] = [];
  readonly asked: string[] = [];
  /** Answers of the next requests, before it answers as it should. */
  readonly faults: { readonly status?: number; readonly headers?: Record<string, string>; readonly cut?: true }[] = [];
  readonly tokens = new Set<string | undefined>();
  readonly #server = createServer((request, response) => {
    void this.#bodyOf(request).then((body) => {
      const { method = "", url = "", headers } = request;
      this.asked.push(`${method} ${url}`);
      this.tokens.add(headers.authorization ?? (headers["private-token"] as string | undefined));
      const fault = this.faults.shift();
      if (fault?.cut) return void response.destroy();
      if (fault?.status) return void response.writeHead(fault.status, fault.headers).end("{}");
      response.end(JSON.stringify(this.#answer(method, url, body)));
    });
  });
  constructor(readonly mine: Omit<Note, "id" | "body">) {}
  async start() {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
  async #bodyOf(request: IncomingMessage): Promise<{ body: string }> {
    let text = "";
    for await (const part of request) text += String(part);
    return (text === "" ? { body: "" } : JSON.parse(text)) as { body: string };
  }
  #answer(method: string, url: string, { body }: { body: string }): unknown {
    const { pathname, searchParams } = new URL(url, "http://x");
    if (pathname.endsWith("/user")) return { id: 7 };
    if (method === "POST") this.notes.push({ id: 1000 + this.notes.length, body, ...this.mine });
    const note = this.notes.find(({ id }) => pathname.endsWith(`/${id}`));
    if (note) note.body = body;
    const [size, page] = [Number(searchParams.get("per_page")), Number(searchParams.get("page"))];
    return method === "GET" ? this.notes.slice((page - 1) * size, page * size) : {};
  }
}

const directory = mkdtempSync(join(tmpdir(), "zero-trust-comment-"));
const event = join(directory, "event.json");
const summary = join(directory, "summary.md");
const pauses: number[] = [];
const pause = ((milliseconds: number) => {
  pauses.push(milliseconds);
  return Promise.resolve();
}) as NonNullable<Parameters<typeof post>[3]>;
const body = `${marker}\nnew`;

describe.each([
  {
    name: "GitHub",
    mine: { user: { type: "Bot" } },
    theirs: { user: { type: "User" } },
    path: "/repos/us/zt/issues/12/comments",
    one: "/repos/us/zt/issues/comments/1000",
    write: "PATCH",
    of: (url: string): Comments => {
      const of = { GITHUB_API_URL: url, GITHUB_REPOSITORY: "us/zt", GITHUB_EVENT_PATH: event, GITHUB_TOKEN: "t0ken" };
      return githubComments(of);
    },
    token: "Bearer t0ken",
  },
  {
    name: "GitLab",
    mine: { author: { id: 7 }, system: false },
    theirs: { author: { id: 8 }, system: false },
    path: "/projects/3/merge_requests/12/notes",
    one: "/projects/3/merge_requests/12/notes/1000",
    write: "PUT",
    of: (url: string): Comments => {
      const of = { CI_API_V4_URL: url, CI_MERGE_REQUEST_PROJECT_ID: "3", CI_MERGE_REQUEST_IID: "12" };
      return gitlabNotes({ ...of, GITLAB_TOKEN: "t0ken" });
    },
    token: "t0ken",
  },
])("the comment on $name", ({ mine, theirs, path, one, write, of, token }) => {
  let service: Service;
  let comments: Comments;
  beforeEach(async () => {
    service = new Service(mine);
    writeFileSync(event, JSON.stringify({ pull_request: { number: 12 } }));
    writeFileSync(summary, "");
    pauses.length = 0;
    comments = of(await service.start());
  });
  afterEach(() => service.stop());

  test("is made once, and then written over", async () => {
    expect(await post(comments, `${marker}\nold`, undefined, pause)).toBe("The comment was created.");
    expect(await post(comments, body, undefined, pause)).toBe("The comment was updated.");
    expect(service.notes).toEqual([{ id: 1000, body, ...mine }]);
    expect(service.asked.filter((asked) => !asked.includes("?") && !asked.endsWith("/user"))).toEqual([
      `POST ${path}`,
      `${write} ${one}`,
    ]);
    expect([...service.tokens]).toEqual([token]);
  });

  test("is found behind hundreds of others", async () => {
    for (let id = 0; id < 250; id++) service.notes.push({ id, body: "a review", ...theirs });
    service.notes.push({ id: 5000, body: `${marker}\nold`, ...mine });
    await post(comments, body, undefined, pause);
    expect([service.notes.length, service.notes.at(-1)?.body]).toEqual([251, body]);
  });

  test("is never somebody else's, though it begins as ours does, and never one of ours that quotes it", async () => {
    const others = [
      { id: 1, body: `${marker}\nmine`, ...theirs },
      { id: 2, body: `> ${marker}`, ...mine },
    ];
    service.notes.push(...others.map((note) => ({ ...note })));
    await post(comments, body, undefined, pause);
    expect(service.notes).toEqual([...others, { id: 1002, body, ...mine }]);
  });

  test.each([{ status: 502 }, { status: 429, headers: { "retry-after": "7" } }, { cut: true } as const])(
    "is tried again after %o, with another look for it",
    async (fault) => {
      service.faults.push(fault, fault);
      expect(await post(comments, body, undefined, pause)).toBe("The comment was created.");
      expect(service.notes).toHaveLength(1);
      expect(pauses).toEqual("headers" in fault ? [7000, 7000] : [2000, 4000]);
    },
  );

  test("that was made though the answer was lost is not made again", async () => {
    const { create } = comments;
    const losing = {
      ...comments,
      create: async (text: string) => {
        await create(text);
        throw new TypeError("fetch failed");
      },
    };
    expect(await post(losing, body, undefined, pause)).toBe("The comment was updated.");
    expect(service.notes).toHaveLength(1);
  });

  test("is given up after four tries", async () => {
    service.faults.push(...Array.from({ length: 9 }, () => ({ status: 503 })));
    await expect(post(comments, body, summary, pause)).rejects.toThrow("GET was answered with 503");
    expect([pauses.length, readFileSync(summary, "utf8")]).toEqual([3, ""]);
  });

  test("goes to the job's summary where the job may not comment", async () => {
    service.faults.push({ status: 403 });
    expect(await post(comments, body, summary, pause)).toContain("the job's summary has it");
    expect([readFileSync(summary, "utf8"), pauses]).toEqual([body, []]);
  });

  test("sends its token to nobody else", async () => {
    service.faults.push({ status: 302, headers: { location: "http://127.0.0.1:1/" } });
    const failure = await post(comments, body, undefined, (...args) => {
      service.faults.push({ status: 302, headers: { location: "http://127.0.0.1:1/" } });
      return pause(...args);
    }).catch((error: unknown) => String(error));
    expect(failure).not.toContain("t0ken");
    expect(service.notes).toEqual([]);
  });
});

test("without a token for comments they go to the summary, or to the log", async () => {
  expect(await post(undefined, body, undefined, pause)).toBe(body);
  writeFileSync(summary, "");
  await post(undefined, body, summary, pause);
  expect(readFileSync(summary, "utf8")).toBe(body);
  rmSync(directory, { recursive: true });
});
