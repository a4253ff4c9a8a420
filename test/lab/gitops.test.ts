import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load, loadAll } from "js-yaml";
import { afterAll, describe, expect, test } from "vitest";
import { argoFiles } from "../../cli/render/argo";
import { writeFiles, type RenderedFile } from "../../cli/lib/files";
import { fluxFiles } from "../../cli/render/flux";
import { renderStack } from "../../cli/lib/renderStack";
import type { KubernetesObject } from "../../core/util/kubernetes";
import { root } from "../support/stacks";

const directory = mkdtempSync(join(tmpdir(), "zero-trust-kustomize-"));
afterAll(() => rmSync(directory, { recursive: true }));

const both = (...assignments: string[]) => ({
  on: renderStack(root, "apps", [...assignments, "auth=true"], undefined),
  off: renderStack(root, "apps", [...assignments, "auth=false"], "on"),
});
function written(name: string, files: readonly RenderedFile[]): readonly RenderedFile[] {
  writeFiles(join(directory, name), files);
  return files;
}
const flux = written(
  "flux",
  fluxFiles(both(), { path: "fleet", source: { kind: "GitRepository", name: "flux-system" } }),
);
const argo = written("argo", argoFiles(both("cluster.cilium.delivery=none")));

/** The text that kustomize, as kubectl has it, makes of a folder. */
const build = (...folder: readonly string[]) =>
  execFileSync("kubectl", ["kustomize", join(directory, ...folder)], { encoding: "utf8" });
const objectsIn = (text: string) => loadAll(text) as KubernetesObject[];
const sorted = (objects: readonly KubernetesObject[]) => [...objects].sort((a, b) => keyOf(a).localeCompare(keyOf(b)));
const keyOf = ({ kind, metadata }: KubernetesObject) => `${kind}/${metadata.namespace ?? ""}/${metadata.name}`;

const folders = (files: readonly RenderedFile[]) =>
  files.flatMap(({ path }) => /^((?!argo\/).+)\/kustomization\.yaml$/.exec(path)?.[1] ?? []);
const rendered = (files: readonly RenderedFile[], folder: string) =>
  files
    .filter(({ path }) => new RegExp(`^${folder}/(?!kustomization\\.yaml|values\\.yaml)[^/]+$`).test(path))
    .map(({ content }) => load(content) as KubernetesObject);

describe("kustomize", () => {
  test("makes of each folder what was rendered into it", () => {
    for (const [name, files] of [
      ["flux", flux],
      ["argo", argo],
    ] as const)
      for (const folder of folders(files))
        expect(sorted(objectsIn(build(name, folder)))).toEqual(sorted(rendered(files, folder)));
  });

  test("leaves Flux's Kustomizations what they are, whichever value is put in the place of the variable afterwards", () => {
    const text = build("flux", "flux");
    for (const flag of ["true", "false"]) {
      const replaced = (from: string) => from.replaceAll("${CILIUM_AUTHN_ENABLED:=false}", flag);
      const children = flux
        .filter(({ path }) => /^flux\/(?!kustomization)/.test(path))
        .map(({ content }) => load(replaced(content)) as KubernetesObject);
      expect(sorted(objectsIn(replaced(text)))).toEqual(sorted(children));
    }
    expect(objectsIn(build("flux")).map(keyOf)).toEqual(["Kustomization/flux-system/zero-trust"]);
  });

  test("puts the number of its wave on every object of Argo CD's states, and changes nothing else", () => {
    for (const [state, parts] of [
      ["relaxed", ["policies/authn-false", "crds", "spire"]],
      ["demanding", ["crds", "spire", "policies/authn-true"]],
    ] as const) {
      const expected = parts.flatMap((part, wave) =>
        rendered(argo, part).map((object) => {
          const annotations = { ...object.metadata.annotations, "argocd.argoproj.io/sync-wave": String(wave) };
          return { ...object, metadata: { ...object.metadata, annotations } };
        }),
      );
      expect(sorted(objectsIn(build("argo", "argo", state)))).toEqual(sorted(expected));
    }
  });
});
