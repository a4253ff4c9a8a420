import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { argoFiles } from "../../../cli/render/argo";
import type { RenderedFile } from "../../../cli/lib/files";
import { fluxFiles } from "../../../cli/render/flux";
import type { BothWays } from "../../../cli/render/gitops";
import { renderStack } from "../../../cli/lib/renderStack";
import { writeTree } from "../../../cli/render/trees";
import { manifestsOf, type KubernetesObject } from "../../../core/util/kubernetes";
import { schemaErrors } from "../../support/schema";
import { root, stacks } from "../../support/stacks";

const both = (stack: string, ...assignments: string[]): BothWays => ({
  on: renderStack(root, stack, [...assignments, "auth=true"], undefined),
  off: renderStack(root, stack, [...assignments, "auth=false"], "on"),
});
const place = { path: "fleet/zero-trust", source: { kind: "GitRepository", name: "flux-system" } };
const flux = (stack: string, ...assignments: string[]) => fluxFiles(both(stack, ...assignments), place);
const argo = (stack: string, ...assignments: string[]) =>
  argoFiles(both(stack, "cluster.cilium.delivery=none", ...assignments));

const isObject = ({ path }: RenderedFile) => !/(^|\/)(kustomization|values)\.yaml$/.test(path);
const objectOf = ({ content }: RenderedFile) => load(content) as KubernetesObject;
const at = (files: readonly RenderedFile[], path: string) => {
  const file = files.find((candidate) => candidate.path === path);
  if (!file) throw new Error(`no ${path} among ${files.map((candidate) => candidate.path).join(", ")}`);
  return objectOf(file);
};
const inFolder = (files: readonly RenderedFile[], folder: string) =>
  files.filter((file) => file.path.startsWith(`${folder}/`) && isObject(file)).map(objectOf);
/** Without what the tree alone has: marks of its tools, and what it says to its readers. */
const plain = (objects: readonly KubernetesObject[]) =>
  objects
    .filter(({ metadata }) => !/^zero-trust-(phases|gate)$/.test(metadata.name))
    .map((object) => ({
      ...object,
      metadata: {
        ...object.metadata,
        annotations: Object.fromEntries(
          Object.entries(object.metadata.annotations ?? {}).filter(([key]) => !/toolkit\.fluxcd|argoproj/.test(key)),
        ),
      },
    }))
    .map((object) => JSON.stringify(object))
    .sort();

describe.each(stacks)("the tree of %s", (stack) => {
  test("has the objects that a render writes, with the flag on and with it off", () => {
    const { on, off } = both(stack);
    const files = flux(stack);
    const shared = [...inFolder(files, "crds"), ...inFolder(files, "spire")];
    for (const [rendered, flag] of [
      [on, true],
      [off, false],
    ] as const) {
      const own = ["cilium", "policies"].flatMap((part) => inFolder(files, `${part}/authn-${flag}`));
      expect(plain([...shared, ...own])).toEqual(
        plain(manifestsOf(rendered.plan.components).filter(({ kind }) => kind !== "Secret")),
      );
    }
  });

  test("lists each file of a folder in its kustomization.yaml, and no other", () => {
    for (const files of [flux(stack), argo(stack)]) {
      const paths = files.map(({ path }) => path);
      expect(new Set(paths).size).toBe(paths.length);
      const listed = files
        .filter(({ path }) => path.endsWith("kustomization.yaml"))
        .flatMap((file) => {
          const { resources } = objectOf(file) as unknown as { resources: string[] };
          return resources.filter((name) => name.endsWith(".yaml")).map((name) => join(file.path, "..", name));
        });
      expect(listed.sort()).toEqual(
        files
          .filter(isObject)
          .map(({ path }) => path)
          .sort(),
      );
    }
  });
});

describe("the tree for Flux", () => {
  const files = flux("apps");
  const specs = files
    .filter(({ path }) => /^flux\/(?!kustom)/.test(path))
    .map((file) => objectOf(file)["spec"] as Record<string, unknown>);

  test("is of the schemas of Flux and Kubernetes, fields that do not exist included", async () => {
    const objects = files.filter(isObject).map(objectOf);
    expect(objects.filter(({ kind }) => kind === "Kustomization").length).toBeGreaterThan(5);
    expect(await schemaErrors(objects)).toEqual([]);
  });

  test("turns both flags of Cilium's values and every demand of the policies by one variable, off where nobody set it", () => {
    const paths = specs.map(({ path }) => String(path)).filter((path) => path.includes("$"));
    const flag = "${CILIUM_AUTHN_ENABLED:=false}";
    expect(paths.sort()).toEqual(
      ["cilium", "gate", "policies"].map((part) => `./fleet/zero-trust/apps/${part}/authn-${flag}`),
    );
    const text = (folder: string) => JSON.stringify(inFolder(files, folder));
    expect(text("cilium/authn-true").match(/\\"enabled\\": true/g)).toHaveLength(2);
    expect(text("cilium/authn-false")).not.toContain('\\"enabled\\": true');
    expect(text("policies/authn-true")).toContain('"mode":"required"');
    expect(text("policies/authn-false")).not.toContain("authentication");
    const { spec } = at(files, "zero-trust.yaml") as unknown as { spec: { postBuild: object } };
    expect(spec.postBuild).toMatchObject({
      substitute: {},
      substituteFrom: [{ kind: "ConfigMap", name: "cluster-settings", optional: true }],
    });
  });

  test("has no other text that Flux would take for a variable", () => {
    const others = files.filter(({ path }) => !path.startsWith("flux/"));
    for (const { content } of others) expect(content).not.toContain("${");
    const literal = flux("apps", "spire.monitoring={}").filter(
      (file) => isObject(file) && !file.path.startsWith("flux/") && file.content.includes("${"),
    );
    expect(literal).not.toEqual([]);
    for (const file of literal)
      expect(objectOf(file).metadata.annotations).toMatchObject({
        "kustomize.toolkit.fluxcd.io/substitute": "disabled",
      });
  });

  test("has dependencies without a cycle, which would keep Flux from every new revision of the source", () => {
    const edges = new Map(
      files
        .filter(({ path }) => /^flux\/(?!kustom)/.test(path))
        .map(objectOf)
        .map(({ metadata, spec }) => [
          metadata.name,
          ((spec as { dependsOn?: { name: string }[] }).dependsOn ?? []).map(({ name }) => name),
        ]),
    );
    const reaches = (from: string, to: string): boolean =>
      (edges.get(from) ?? []).some((next) => next === to || reaches(next, to));
    for (const [name, after] of edges) {
      expect(reaches(name, name)).toBe(false);
      for (const other of after) expect(edges.has(other)).toBe(true);
    }
  });

  test("looks at SPIRE's server and agents, and at every policy", () => {
    const checks = (name: string) =>
      (
        (at(files, `flux/${name}.yaml`)["spec"] as { healthChecks?: { kind: string; name: string }[] }).healthChecks ??
        []
      ).map(({ kind, name }) => `${kind} ${name}`);
    expect(checks("spire")).toEqual(["StatefulSet spire-server", "DaemonSet spire-agent"]);
    expect(checks("policies")).toEqual(
      inFolder(files, "policies/authn-true")
        .filter(({ kind }) => kind === "CiliumNetworkPolicy")
        .map(({ metadata }) => `CiliumNetworkPolicy ${metadata.name}`),
    );
  });

  test("keeps what is live: nothing that holds state leaves with its file, and nothing with a Kustomization", () => {
    for (const spec of specs) expect(spec).toMatchObject({ deletionPolicy: "Orphan" });
    const kept = files
      .filter((file) => isObject(file) && file.content.includes("kustomize.toolkit.fluxcd.io/prune: disabled"))
      .map(objectOf)
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect([...new Set(kept)].sort()).toEqual([
      "ClusterStaticEntry cilium-agent",
      "ClusterStaticEntry cilium-node-alias",
      "ClusterStaticEntry cilium-operator",
      "ConfigMap cilium-zero-trust-values",
      "CustomResourceDefinition clusterstaticentries.spire.spiffe.io",
      "Namespace spire",
      "PersistentVolumeClaim spire-data",
    ]);
  });

  test("has policies to wait for before there is one, and no SPIRE where it is somebody else's", () => {
    const none = flux("apps", "rollout.phases={}", "rollout.greenfield=[]", "access=[]");
    expect(inFolder(none, "policies/authn-true").map(({ metadata }) => metadata.name)).toEqual(["zero-trust-phases"]);
    const external = flux("apps", "spire.install=external", "spire.external.serverAddress=spire-server.spire.svc:8081");
    expect(external.some(({ path }) => path.startsWith("spire/") || path === "flux/spire.yaml")).toBe(false);
    expect(JSON.stringify(at(external, "flux/cilium.yaml"))).not.toContain("zero-trust-spire");
  });
});

describe("the tree for Argo CD", () => {
  const files = argo("apps");
  const wavesOf = (state: string) =>
    files
      .filter(({ path }) => new RegExp(`^argo/${state}/\\d`).test(path))
      .map((file) => {
        const { resources, patches } = objectOf(file) as unknown as {
          resources: string[];
          patches: { patch: string }[];
        };
        const [{ value }] = JSON.parse(patches[0]?.patch ?? "[{}]") as [{ value: string }];
        return `${value} ${resources[0]?.replace("../../../", "") ?? ""}`;
      });

  test("has the policies first on the way off, and last on the way on", () => {
    expect(wavesOf("relaxed")).toEqual(["0 policies/authn-false", "1 crds", "2 spire"]);
    expect(wavesOf("demanding")).toEqual(["0 crds", "1 spire", "2 policies/authn-true"]);
  });

  test("has annotations on every object, into which the wave is patched, and Cilium's values as a file", () => {
    for (const file of files.filter((candidate) => isObject(candidate)))
      expect(Object.keys(objectOf(file).metadata.annotations ?? {})).not.toEqual([]);
    expect(at(files, "cilium/authn-true/values.yaml")).toMatchObject({ authentication: { enabled: true } });
    expect(at(files, "cilium/authn-false/values.yaml")).toMatchObject({ authentication: { enabled: false } });
  });
});

describe("a tree that is written", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "zero-trust-tree-"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));
  const write = (...assignments: string[]) =>
    writeTree(both("apps", ...assignments), "flux", { directory, path: "fleet" });
  const all = () =>
    readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".yaml"))
      .sort();

  test("is the same each time, loses what an earlier one left, and leaves others' files alone", () => {
    write();
    const first = all().map((file) => readFileSync(join(directory, file), "utf8"));
    write();
    expect(all().map((file) => readFileSync(join(directory, file), "utf8"))).toEqual(first);
    const mine = join(directory, "apps/spire/mine.yaml");
    writeFileSync(mine, "# mine\n");
    const before = all();
    write("rollout.phases={}", "rollout.greenfield=[]", "access=[]");
    expect(all()).toEqual(before.filter((file) => !file.endsWith("orders_zero-trust.yaml")));
    expect(all()).toHaveLength(before.length - 2);
    expect(existsSync(mine)).toBe(true);
  });

  test("has no secret, and says how to make what is left out", () => {
    const secret = ["spire.datastore.labPostgres={}"];
    const said = write(...secret);
    expect(said).toMatch(/left out: Secret spire\/\S+: it is secret; make it with SOPS or External Secrets/);
    expect(all().filter((file) => /secret-/.test(file))).toEqual([]);
  });

  test("needs a path in the repository, and a Cilium that the tool can deliver values to", () => {
    const place = (path: string) => () => writeTree(both("apps"), "flux", { directory: path });
    for (const path of ["/srv/fleet", "../fleet", "a/../b"])
      expect(place(path)).toThrow("is not a path from the top of a repository; say with --path");
    expect(() => writeTree(both("apps"), "flux", { directory, path: "x", source: "Git/x" })).toThrow("--source Git/x");
    expect(() => writeTree(both("apps"), "argo", { directory })).toThrow(
      "apps: --argo writes a tree for a Cilium whose values come by zero-trust:cluster.cilium.delivery: none",
    );
  });
});
