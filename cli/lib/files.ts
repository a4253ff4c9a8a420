import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { dump } from "js-yaml";
import { accessDiagram, isNoWorkload, operationsLeftOut, type Access } from "../../core/access/graph";
import {
  describeObject,
  type KubernetesObject,
  type PlannedObject,
  type PlannedRelease,
} from "../../core/util/kubernetes";
import { written as kubernetesYaml } from "../../core/util/kubernetesYaml";
import type { RenderedStack } from "./renderStack";
import { callerOf, leftOutNote, whatOf } from "./view";

export interface RenderedFile {
  /** Relative to the output directory of the stack. */
  readonly path: string;
  readonly content: string;
}

/** The order in which `kubectl apply -f` may take a directory's files: a namespace before what is in it, a configuration before what mounts it. */
const order = [
  ["Namespace"],
  ["ServiceAccount", "ClusterRole", "Role"],
  ["ClusterRoleBinding", "RoleBinding"],
  ["ConfigMap", "PersistentVolumeClaim", "Service", "NetworkPolicy"],
  ["StatefulSet", "DaemonSet", "Deployment"],
];

/** Every object of a stack as a file of its own, the chart values, and the graph. The same stack gives the same bytes. */
export function filesOf({ name, plan }: RenderedStack): { files: RenderedFile[]; secrets: string[] } {
  const planned = plan.components.flatMap(({ objects }) => objects);
  const shown = planned.filter(({ manifest }) => manifest.kind !== "Secret");
  const header = (what: string) => `# Rendered from Pulumi.${name}.yaml: ${what}. Do not edit.\n`;
  return {
    secrets: planned
      .filter(({ manifest }) => manifest.kind === "Secret")
      .map(({ manifest }) => describeObject(manifest)),
    files: [
      ...shown.map((object) => ({
        path: pathOf(object),
        content: header(object.name) + yaml(object.manifest),
      })),
      ...(plan.ciliumValues
        ? [{ path: "cilium-values.yaml", content: header("values for Cilium's chart") + yaml(plan.ciliumValues) }]
        : []),
      ...(plan.outputs.linkerdValues
        ? [
            {
              path: "linkerd-values.yaml",
              content: header("values for Linkerd's chart linkerd-control-plane") + yaml(plan.outputs.linkerdValues),
            },
          ]
        : []),
      ...(plan.outputs.istioValues
        ? [
            {
              path: "istio-values.yaml",
              content: header("values for Istio's chart istiod") + yaml(plan.outputs.istioValues),
            },
          ]
        : []),
      ...[certManagerOf(plan)].flatMap((release) =>
        release
          ? [
              {
                path: certManagerValues,
                content: header("values for cert-manager's chart") + yaml(release.args.values),
              },
            ]
          : [],
      ),
      { path: "graph.json", content: `${JSON.stringify(graphOf(plan), null, 2)}\n` },
    ],
  };
}

/** The file with the values for cert-manager's chart. */
export const certManagerValues = "cert-manager-values.yaml";

/** The release of cert-manager, where it is of the stack. */
export const certManagerOf = ({ components }: RenderedStack["plan"]): PlannedRelease | undefined =>
  components.find(({ kind }) => kind === "Certificates")?.release;

/** Components and objects with what comes before each: what the engine is given, as names. */
function graphOf(plan: RenderedStack["plan"]): object {
  return plan.components.map(({ kind, name, after, objects, release }) => ({
    component: name,
    kind,
    after,
    ...(release ? { release: release.name } : {}),
    objects: objects.map(({ name, manifest, after, keep }) => ({
      name,
      object: describeObject(manifest),
      after,
      keep,
    })),
  }));
}

/** The page docs/access-<stack>.md: the picture, then the same as a table. */
export function accessPage({ name, config, plan }: RenderedStack): string {
  const leftOut = operationsLeftOut(config.access, plan.outputs.rollout.phases);
  const phases = plan.phases
    .map(({ namespace, to }) => `\`${namespace}\` (${to}${leftOut.includes(namespace) ? `; ${leftOutNote}` : ""})`)
    .join(", ");
  return [
    `# Who may call whom: ${name}`,
    "",
    `Written by \`npm run render\` from \`Pulumi.${name}.yaml\`, where \`auth\` is ${config.auth}. Namespaces: ${phases || "none"}.`,
    "Everybody else is denied in the namespaces that are shown as targets; a thick arrow is a call that must be authenticated.",
    "",
    "```mermaid",
    accessDiagram(plan.access),
    "```",
    "",
    "| from | to | port | authenticated |",
    "| --- | --- | --- | --- |",
    ...plan.access.map((line) => {
      const cells = [callerOf(line), line.to, whatOf(line), answerOf(line)];
      return `| ${cells.map(markdown).join(" | ")} |`;
    }),
    "",
  ].join("\n");
}

function answerOf(line: Access): string {
  const answer = line.authenticated ? "yes" : isNoWorkload(line) ? "never" : "no";
  return line.reason === undefined ? answer : `${answer}: ${line.reason}`;
}

/** Text without a meaning to Markdown: `GET /v1/*` is no emphasis, and a reason may have a `|`. */
const markdown = (text: string) => text.replace(/[\\`*_~<>&[\]|]/g, "\\$&");

/**
 * Writes a stack's files and removes those that an earlier render left; files that no render wrote stay.
 *
 * @param folders those that only a render writes to, folders in them included @default those of `npm run render`
 */
export function writeFiles(directory: string, files: readonly RenderedFile[], folders?: readonly string[]): void {
  const wanted = new Set(files.map(({ path }) => join(directory, path)));
  // Those that commands name are there even without a file.
  if (!folders) for (const folder of ["0-crds", "1-objects"]) mkdirSync(join(directory, folder), { recursive: true });
  const swept = folders ?? objectFolders;
  for (const folder of swept.map((name) => join(directory, name)).filter((path) => existsSync(path)))
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).map((entry) => join(folder, entry)))
      if (
        !wanted.has(file) &&
        file.endsWith(".yaml") &&
        readFileSync(file, "utf8").startsWith("# Rendered from Pulumi.")
      )
        rmSync(file);
  for (const { path, content } of files) writeFile(join(directory, path), content);
}

export function writeFile(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Where what is added to objects that are there already is: under a field manager of its own, and so by another command. */
export const patchesFolder = "2-patches";

/** The folders with an object in each file, in the order in which they are applied. */
export const objectFolders = ["0-crds", "1-objects", patchesFolder];

/** A file's name for an object, without an ending. Neither a namespace nor a name contains "_", so that no two objects share a file. */
export const fileNameOf = ({ kind, metadata: { namespace, name } }: KubernetesObject): string =>
  `${kind.toLowerCase()}-${namespace === undefined ? "" : `${namespace}_`}${name}`;

function pathOf({ manifest, patch }: PlannedObject): string {
  const { kind, metadata } = manifest;
  const file = fileNameOf(manifest);
  if (kind === "CustomResourceDefinition") return `0-crds/${metadata.name}.yaml`;
  if (patch) return `${patchesFolder}/${file}.yaml`;
  const rank = order.findIndex((kinds) => kinds.includes(kind));
  return `1-objects/${rank < 0 ? order.length : rank}-${file}.yaml`;
}

/** YAML that kubectl, helm and Flux read as the value: words such as "on" are quoted. */
export const yaml = (value: unknown): string => dump(value, { noRefs: true, lineWidth: -1, schema: kubernetesYaml });
