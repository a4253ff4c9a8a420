import { join } from "node:path";
import { parseArgs } from "node:util";
import { dump } from "js-yaml";
import { ConfigError } from "../../config/load";
import { marksManager } from "../../components/access/meshMarks";
import { listStacks } from "../../config/stackFile";
import { origins, type Origin } from "../../plan/origins";
import { gateRights } from "../../live/rights";
import { guardrails } from "../../policy/guardrails";
import { accessHtml } from "./accessHtml";
import { differenceSince, revisionOf } from "../lib/base";
import { breakGlass, helmUpgrade } from "./breakGlass";
import { isSystemError, paint, parsed, print, runCommand, UsageError } from "../lib/command";
import {
  accessPage,
  certManagerOf,
  certManagerValues,
  filesOf,
  patchesFolder,
  writeFile,
  writeFiles,
} from "../lib/files";
import { guardrailsPage } from "./guardrailsPage";
import { renderStack, type RenderedStack } from "../lib/renderStack";
import { tools, writeTree, type Tool, type TreeOptions } from "./trees";
import { versionsPage } from "./versionsPage";
import { jsonOf, viewOf } from "../lib/view";

const usage = `Shows what each cluster gets, which guardrails hold and who may call whom, and writes it to files.

npm run render -- [options]
  --stack NAME      this stack only; may be repeated (default: every Pulumi.<stack>.yaml)
  --out DIR         where the files go (default: rendered)
  --set KEY=VALUE   on top of the stack file, as pulumi config set --path would; may be repeated
  --from STATE      show the update from this state: new, on or off (default: no update, the state that the stack file describes)
  --base REVISION   also who gains and who loses access since that git revision, and why
  --json            one JSON object instead of the text
  --break-glass     the commands that turn authentication off without Pulumi, and nothing else
  --flux DIR        a tree for Flux in DIR, for both states of the flag, and nothing else (docs/gitops.md)
  --argo DIR        the same for Argo CD
  --path PATH       with --flux: where the tree is in the repository (default: DIR)
  --source KIND/NAME  with --flux: Flux's source of it (default: GitRepository/flux-system)
  --rights          the roles that the gates, verify and rollout need, and nothing else; their bindings are to a group for you to rename
  --help            this text

Exit: 0, 1 when a mandatory guardrail is violated, 2 when the configuration or an option is wrong.`;

function main(argv: string[]): number {
  const options = readOptions(argv);
  if (options.help) return print(usage);
  const names = options.stack ?? listStacks(".");
  if (names.length === 0)
    throw new UsageError("There is no Pulumi.<stack>.yaml here; run this in the project's directory.");
  if (options["break-glass"]) {
    const off = renderAll(names, [...(options.set ?? []), "auth=false"], "on");
    return print(off.map(breakGlass).join("\n\n\n"));
  }
  for (const tool of tools) {
    const directory = options[tool];
    if (directory !== undefined)
      return writeTrees(names, options.set ?? [], tool, { directory, path: options.path, source: options.source });
  }
  const revision = options.base === undefined ? undefined : revisionOf(options.base);
  const stacks = renderAll(names, options.set ?? [], options.from).map((stack) =>
    revision ? { ...stack, difference: differenceSince(revision, stack) } : stack,
  );
  if (options.rights)
    return print(
      stacks.flatMap(({ config }) => gateRights(config).map((object) => dump(object, { noRefs: true }))).join("---\n"),
    );

  const out = options.out ?? "rendered";
  // The pages under docs/ show the stack files and nothing else; those of a trial go with its other files.
  const trial = options.out !== undefined || options.set !== undefined || options.from !== undefined;
  const docs = trial ? join(out, "docs") : "docs";
  const written = stacks.map((stack) => write(stack, out, docs));
  writeFile(join(docs, "guardrails.md"), guardrailsPage(guardrails));
  writeFile(join(docs, "versions.md"), versionsPage());

  if (options.json) print(JSON.stringify({ stacks: stacks.map(jsonOf) }, null, 2));
  else print(stacks.map((stack, i) => `${viewOf(stack, paint)}\n\n${written[i] ?? ""}`).join("\n\n"));
  return failed(stacks);
}

/** Writes a tree for each stack, which has it with the flag on and off: both are judged, whatever the stack's own flag says. */
function writeTrees(names: readonly string[], assignments: readonly string[], tool: Tool, place: TreeOptions): number {
  const on = renderAll(names, [...assignments, "auth=true"], undefined);
  const off = renderAll(names, [...assignments, "auth=false"], "on");
  const written = on.map((stack, i) => writeTree({ on: stack, off: off[i] ?? stack }, tool, place));
  print(on.map((stack, i) => `${viewOf(stack, paint)}\n\n${written[i] ?? ""}`).join("\n\n"));
  return failed([...on, ...off]);
}

/** The exit code. */
const failed = (stacks: readonly RenderedStack[]) =>
  stacks.some(({ verdicts }) => verdicts.some(({ verdict }) => verdict === "fail")) ? 1 : 0;

/** Renders every stack, so that the problems of all are shown at once. */
function renderAll(names: readonly string[], assignments: readonly string[], from: Origin | undefined) {
  const stacks: RenderedStack[] = [];
  const errors: string[] = [];
  for (const name of names) {
    try {
      stacks.push(renderStack(".", name, assignments, from));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      errors.push(error.message);
    }
  }
  if (errors.length > 0) throw new UsageError(errors.join("\n\n"));
  return stacks;
}

/** Writes one stack's files; returns what to say about them. */
function write(stack: RenderedStack, out: string, docs: string): string {
  const directory = join(out, stack.name);
  const page = join(docs, `access-${stack.name}.md`);
  const { files, secrets } = filesOf(stack);
  writeFiles(directory, files);
  writeFile(page, accessPage(stack));
  const searchable = join(directory, "access.html");
  writeFile(searchable, accessHtml(stack));
  const kubectl = `kubectl --context ${stack.config.cluster.context}`;
  return [
    `  ${files.length} files in ${directory}, the picture of who may call whom in ${page}, and to be searched in ${searchable}`,
    ...(secrets.length > 0 ? [`  left out, since they are secret: ${secrets.join(", ")}`] : []),
    ...(stack.from === "new"
      ? [
          "  Without Pulumi:",
          ...(stack.config.cluster.cilium?.delivery === "helm"
            ? [
                `    ${helmUpgrade(stack.config.cluster)} --install --wait --values ${join(directory, "cilium-values.yaml")}`,
              ]
            : []),
          ...certManagerCommand(stack, directory),
          `    ${kubectl} apply --server-side --filename ${join(directory, "0-crds")}`,
          `    ${kubectl} wait --for condition=Established --filename ${join(directory, "0-crds")}`,
          ...(files.some(({ path }) => path.startsWith(patchesFolder))
            ? [
                `    ${kubectl} apply --server-side --field-manager ${marksManager} --filename ${join(directory, patchesFolder)}`,
              ]
            : []),
          `    ${kubectl} apply --server-side --filename ${join(directory, "1-objects")}`,
        ]
      : []),
  ].join("\n");
}

/** The command that installs cert-manager, where it is of the stack: before its issuers, which the API server takes only once it is there. */
function certManagerCommand({ plan, config }: RenderedStack, directory: string): string[] {
  const release = certManagerOf(plan);
  if (!release) return [];
  const { name, namespace, chart, version } = release.args;
  const helm = `helm --kube-context ${config.cluster.context} --namespace ${namespace} upgrade ${name} ${chart}`;
  return [
    `    ${helm} --version ${version} --install --create-namespace --wait --values ${join(directory, certManagerValues)}`,
  ];
}

function readOptions(argv: string[]) {
  return parsed(usage, () => {
    const { values } = parseArgs({
      args: argv,
      options: {
        stack: { type: "string", multiple: true },
        out: { type: "string" },
        set: { type: "string", multiple: true },
        from: { type: "string" },
        base: { type: "string" },
        json: { type: "boolean", default: false },
        "break-glass": { type: "boolean", default: false },
        flux: { type: "string" },
        argo: { type: "string" },
        path: { type: "string" },
        source: { type: "string" },
        rights: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const from = origins.find((origin) => origin === values.from);
    if (values.from !== undefined && from === undefined)
      throw new UsageError(`--from ${values.from}: write one of ${origins.join(", ")}`);
    return { ...values, from };
  });
}

runCommand(() => main(process.argv.slice(2)), isSystemError);
