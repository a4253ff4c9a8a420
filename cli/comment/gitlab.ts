import * as z from "zod";
import { ask, needed, type Comments } from "./post";

const size = 100;
const listed = z.array(
  z.object({ id: z.number(), body: z.string(), system: z.boolean(), author: z.object({ id: z.number() }) }),
);

/**
 * The notes of the merge request that a pipeline of GitLab's runs for (docs.gitlab.com/api/notes). Ours are of the token's own user: what others write is never written over.
 *
 * @param environment of the job: CI_API_V4_URL, CI_MERGE_REQUEST_PROJECT_ID, CI_MERGE_REQUEST_IID, and GITLAB_TOKEN, a project's access token with the scope `api`
 */
export function gitlabNotes(environment: NodeJS.ProcessEnv): Comments {
  const api = needed(environment, "CI_API_V4_URL");
  const headers = { "private-token": needed(environment, "GITLAB_TOKEN") };
  const project = encodeURIComponent(needed(environment, "CI_MERGE_REQUEST_PROJECT_ID"));
  const notes = `${api}/projects/${project}/merge_requests/${Number(needed(environment, "CI_MERGE_REQUEST_IID"))}/notes`;
  let own: number | undefined;
  return {
    page: async (page) => {
      own ??= z.object({ id: z.number() }).parse(await ask(`${api}/user`, headers)).id;
      const found = listed.parse(await ask(`${notes}?per_page=${size}&page=${page}`, headers));
      if (found.length === 0) return undefined;
      return found.filter(({ system, author }) => !system && author.id === own);
    },
    create: async (body) => void (await ask(notes, headers, "POST", { body })),
    update: async (id, body) => void (await ask(`${notes}/${id}`, headers, "PUT", { body })),
  };
}
