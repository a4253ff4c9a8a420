import { readFileSync } from "node:fs";
import * as z from "zod";
import { UsageError } from "../lib/command";
import { ask, needed, type Comments } from "./post";

const size = 100;
const listed = z.array(
  z.object({ id: z.number(), body: z.string().nullish(), user: z.object({ type: z.string() }).nullish() }),
);

/**
 * The comments of the pull request that a workflow of GitHub's runs for, by the REST API's issue comments (docs.github.com/rest/issues/comments). Ours is a bot's: what people write is
 * never written over, whatever it begins with.
 *
 * @param environment of the job: GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_EVENT_PATH and GITHUB_TOKEN
 */
export function githubComments(environment: NodeJS.ProcessEnv): Comments {
  const repository = `${needed(environment, "GITHUB_API_URL")}/repos/${needed(environment, "GITHUB_REPOSITORY")}`;
  const headers = {
    accept: "application/vnd.github+json",
    authorization: `Bearer ${needed(environment, "GITHUB_TOKEN")}`,
    "x-github-api-version": "2022-11-28",
  };
  const comments = `${repository}/issues/${numberIn(needed(environment, "GITHUB_EVENT_PATH"))}/comments`;
  return {
    page: async (page) => {
      const found = listed.parse(await ask(`${comments}?per_page=${size}&page=${page}`, headers));
      if (found.length === 0) return undefined;
      return found.filter(({ user }) => user?.type === "Bot").map(({ id, body }) => ({ id, body: body ?? "" }));
    },
    create: async (body) => void (await ask(comments, headers, "POST", { body })),
    update: async (id, body) => void (await ask(`${repository}/issues/comments/${id}`, headers, "PATCH", { body })),
  };
}

/** The number of the pull request that the event is about. */
function numberIn(path: string): number {
  const read = z
    .object({ pull_request: z.object({ number: z.number().int() }) })
    .safeParse(JSON.parse(readFileSync(path, "utf8")));
  if (!read.success) throw new UsageError("This job does not run for a pull request.");
  return read.data.pull_request.number;
}
