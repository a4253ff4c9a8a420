import type { RenderedFile } from "../lib/files";
import { filesOfFolder, foldersOf, kustomization, withFlag, yamlFile, type BothWays, type Marks } from "./gitops";

/** What Argo CD is told on objects (Argo CD docs/user-guide/sync-options.md). */
const marks: Marks = { kept: { "argocd.argoproj.io/sync-options": "Prune=false,Delete=false" }, literal: {} };

/** The parts in the order of their waves, in the two states that an Application can be pointed at. */
const states = {
  /** SPIRE last, so that nothing broken in it holds up the policies. */
  relaxed: [withFlag("policies", false), "crds", "certificates", "spire"],
  demanding: ["crds", "certificates", "spire", withFlag("policies", true)],
};

/**
 * The same folders with sync waves, for Argo CD, and Cilium's values as files for its own Application to name. Waves order the objects of one sync of one Application, so that the
 * order of policies and Cilium is that of two commits (docs/gitops.md).
 */
export function argoFiles(stack: BothWays): RenderedFile[] {
  const { name } = stack.on;
  const folders = foldersOf(stack, marks);
  const paths = new Set(folders.map(({ path }) => path));
  const values = [stack.on, stack.off].flatMap((rendered) => {
    const path = `${withFlag("cilium", rendered === stack.on)}/values.yaml`;
    return rendered.plan.ciliumValues ? [yamlFile(name, path, rendered.plan.ciliumValues)] : [];
  });
  return [
    ...folders.flatMap((folder) => filesOfFolder(name, folder)),
    ...values,
    ...Object.entries(states).flatMap(([state, parts]) =>
      waves(
        name,
        `argo/${state}`,
        parts.filter((part) => paths.has(part)),
      ),
    ),
  ];
}

/** A folder with a folder for each wave, which puts its number on every object of a part. */
function waves(name: string, path: string, parts: readonly string[]): RenderedFile[] {
  const folders = parts.map((part, wave) => `${wave}-${part.replace(/\/.*/, "")}`);
  return [
    ...parts.map((part, wave) =>
      kustomization(name, `${path}/${folders[wave] ?? ""}`, [`../../../${part}`], { patches: [inWave(wave)] }),
    ),
    kustomization(name, path, folders),
  ];
}

const inWave = (wave: number) => ({
  target: { kind: ".*" },
  patch: JSON.stringify([
    { op: "add", path: "/metadata/annotations/argocd.argoproj.io~1sync-wave", value: String(wave) },
  ]),
});
