import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { isSystemError, parsed, print, runCommand, UsageError } from "../lib/command";
import { readChange } from "./change";
import { githubComments } from "./github";
import { gitlabNotes } from "./gitlab";
import { commentOf } from "./markdown";
import { post, Refused } from "./post";
import { withoutValues } from "./preview";

const usage = `Says what a change does, as the comment of a pull request: guardrails, phases, objects, resources.

npm run comment -- DIR [options]
  DIR               what was written of the change:
                      head.json, head.txt, head/   npm run -s render -- --json --base REVISION --out DIR/head > DIR/head.json 2> DIR/head.txt
                      base.json, base.txt, base/   the same, in a checkout of what was before (optional)
                      preview/STACK.json, .txt     pulumi preview --json --stack STACK 2> … | npm run -s comment -- --strip > … (optional)
                      preview/STACK.failed         a file, where that preview ended with anything but 0
  --post            write it to the pull request of GitHub's workflow, or the merge request of GitLab's pipeline, that this runs in:
                    over the comment that is there; to the job's summary where the job may not comment
  --strip           nothing but: read a preview's JSON, and print it without what resources and the configuration hold
  --help            this text

Exit: 0, 2 when the files are not what they should be, or the comment could not be written.`;

async function main(argv: string[]): Promise<number> {
  const { positionals, values } = parsed(usage, () =>
    parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        post: { type: "boolean", default: false },
        strip: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }),
  );
  if (values.help) return print(usage);
  if (values.strip) {
    const stripped = withoutValues(readFileSync(0, "utf8"));
    // Without one there is nothing to keep: what the command said on the other stream tells why.
    return stripped === undefined ? 0 : print(stripped);
  }
  const [directory, ...rest] = positionals;
  if (directory === undefined || rest.length > 0) throw new UsageError(usage);
  const comment = commentOf(readChange(directory));
  if (!values.post) return print(comment.trimEnd());
  return print(await post(commentsOf(process.env), comment, process.env["GITHUB_STEP_SUMMARY"]));
}

/** Where the job's comments are; undefined in a pipeline of GitLab's that has no token, as those of forks. */
function commentsOf(environment: NodeJS.ProcessEnv) {
  if (environment["GITHUB_ACTIONS"] === "true") return githubComments(environment);
  if (environment["GITLAB_CI"] === "true") return environment["GITLAB_TOKEN"] ? gitlabNotes(environment) : undefined;
  throw new UsageError(
    "--post is for a workflow of GitHub's and a pipeline of GitLab's; without it the comment is printed",
  );
}

runCommand(
  () => main(process.argv.slice(2)),
  (error) => isSystemError(error) || error instanceof Refused,
);
