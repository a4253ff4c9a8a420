import { join } from "node:path";
import { argoFiles } from "./argo";
import { UsageError } from "../lib/command";
import { writeFiles } from "../lib/files";
import { fluxFiles } from "./flux";
import { leftOutOf, type BothWays } from "./gitops";

/** The trees for Git, and the tools that apply them. */
export const tools = ["flux", "argo"] as const;
export type Tool = (typeof tools)[number];

/** Where a tree goes. */
export interface TreeOptions {
  /** The directory, as it was written. */
  readonly directory: string;
  /** The directory in the repository. @default the directory */
  readonly path?: string | undefined;
  /** Flux's source, `<kind>/<name>`. @default GitRepository/flux-system */
  readonly source?: string | undefined;
}

/** Who delivers Cilium's values to the release that each tool looks after. */
const delivery = { flux: "flux", argo: "none" } as const;
const parts = ["crds", "certificates", "spire", "cilium", "policies", "gate", "flux", "argo", ""];

/**
 * Writes a stack's tree, and says so.
 *
 * @throws UsageError where the stack or an option does not go with the tool
 */
export function writeTree(stack: BothWays, tool: Tool, { directory, path, source }: TreeOptions): string {
  const { name, config } = stack.on;
  if (config.cluster.cilium?.delivery !== delivery[tool])
    throw new UsageError(
      `${name}: --${tool} writes a tree for a Cilium whose values come by zero-trust:cluster.cilium.delivery: ${delivery[tool]}; name other stacks with --stack`,
    );
  const files = tool === "argo" ? argoFiles(stack) : fluxFiles(stack, placeOf(directory, path, source));
  const folder = join(directory, name);
  writeFiles(folder, files, parts);
  return [
    `  ${files.length} files in ${folder}, for both states of the flag; how to wire and turn it: docs/gitops.md`,
    ...leftOutOf(stack).map((what) => `  left out: ${what}`),
  ].join("\n");
}

function placeOf(directory: string, path = directory, source = "GitRepository/flux-system") {
  const trimmed = path.replace(/^\.\/|\/+$/g, "");
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(trimmed) || trimmed.split("/").some((part) => part === ".." || part === "."))
    throw new UsageError(
      `${path} is not a path from the top of a repository; say with --path where Flux finds the tree, as in --path kubernetes/zero-trust`,
    );
  const [, kind, name] = /^(GitRepository|OCIRepository|Bucket)\/([a-z0-9][a-z0-9.-]*)$/.exec(source) ?? [];
  if (kind === undefined || name === undefined)
    throw new UsageError(`--source ${source}: write GitRepository/NAME, OCIRepository/NAME or Bucket/NAME`);
  return { path: trimmed, source: { kind, name } };
}
