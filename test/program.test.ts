import { load } from "js-yaml";
import { beforeAll, describe, expect, test } from "vitest";
import type * as pulumi from "@pulumi/pulumi";
import { filesOf } from "../cli/files";
import { types } from "../components/types";
import type { KubernetesObject } from "../components/kubernetes";
import { renderStack } from "../cli/renderStack";
import { runProgram, valueOf, waitedFor, type Registered, type Run } from "./support/engine";
import { cluster, withCluster } from "./support/fakeCluster";
import { configOf, helm, root, stacks, transitionOf, transitions } from "./support/stacks";

interface GraphComponent {
  component: string;
  kind: keyof typeof types;
  after: string[];
  objects: { name: string; after: string[]; keep: boolean }[];
  release?: string;
}

/** The committed stacks, and one with each other way of installing SPIRE and of delivering Cilium's values. */
const variants: readonly (readonly [what: string, stack: string, assignments: readonly string[]])[] = [
  ...stacks.map((stack) => [stack, stack, []] as const),
  [
    "apps with Cilium's release and agents in a namespace of their own",
    "apps",
    [...helm, "spire.agentNamespace=spire-agents"],
  ],
  ["apps with the SPIRE in Cilium's chart", "apps", ["spire.install=bundled", "cluster.cilium.delivery=none"]],
  [
    "apps with a SPIRE that is already there",
    "apps",
    ["spire.install=external", "spire.external.serverAddress=spire.corp:443"],
  ],
];

const releaseType = "kubernetes:helm.sh/v3:Release";

/** What render shows of one transition: the objects from its files, by the resource's name in their first line, and its graph. */
function rendered(stack: string, from: "new" | "on" | "off", auth: boolean, assignments: readonly string[]) {
  const result = renderStack(root, stack, [...assignments, `auth=${auth}`], from);
  const { files } = filesOf(result);
  const objects = new Map(
    files
      .filter(({ path }) => /^(0-crds|1-objects)\//.test(path))
      .map(({ content }) => [/: ([^ ]+)\. Do not edit/.exec(content)?.[1] ?? "", load(content) as KubernetesObject]),
  );
  const graph = JSON.parse(files.find(({ path }) => path === "graph.json")?.content ?? "[]") as GraphComponent[];
  return { objects, graph, result };
}

/** The program's registrations for one transition, on a cluster in the state that the transition starts from. */
function runTransition(
  stack: string,
  transition: (typeof transitions)[number],
  assignments: readonly string[],
): Promise<Run> {
  const { config, previous } = transitionOf(stack, transition, assignments);
  const outputs = previous.state ? { rollout: previous.state } : {};
  return withCluster(cluster({ authenticating: previous.cilium === "on" }), [...stacks], () =>
    runProgram(stack, config, outputs),
  );
}

describe.each(variants)("the program of stack %s", (_, stack, assignments) => {
  describe.each(transitions)("$name", (transition) => {
    let run: Run;
    let shown: ReturnType<typeof rendered>;
    const find = (name: string) => run.registered.find((resource) => resource.name === name) as Registered;
    beforeAll(async () => {
      run = await runTransition(stack, transition, assignments);
      shown = rendered(stack, transition.from, transition.auth, assignments);
    });

    test("registers exactly the objects that render shows, with all their inputs", () => {
      const objects = run.registered.filter(({ type }) => type.startsWith("kubernetes:") && type !== releaseType);
      expect(Object.fromEntries(objects.map(({ name, inputs }) => [name, inputs]))).toEqual(
        Object.fromEntries(shown.objects),
      );
      expect(objects.length).toBe(shown.objects.size);
    });

    test("registers the release that render shows, with all its values, so that nothing deletes it", () => {
      const releases = run.registered.filter(({ type }) => type === releaseType);
      const planned = shown.result.plan.components.flatMap(({ release }) => release ?? []);
      expect(releases.map(({ name, inputs }) => [name, inputs])).toEqual(
        planned.map(({ name, args }) => [
          name,
          expect.objectContaining(JSON.parse(JSON.stringify(args)) as object) as object,
        ]),
      );
      for (const { protect, retainOnDelete } of releases) expect([protect, retainOnDelete]).toEqual([true, true]);
    });

    test("gives a change of SPIRE a minute where authentication goes, and as long as it takes where it comes, or SPIRE is made", () => {
      for (const { name, parent, mayTake, mayTakeAtFirst } of run.registered) {
        expect(mayTake).toBe([name, parent].includes("spire") && !transition.auth ? "1m" : "");
        expect(mayTakeAtFirst).toBe("");
      }
    });

    test("puts them in the order that render shows", () => {
      const objectsOf = (name: string) => {
        const found = shown.graph.find(({ component }) => component === name);
        return found ? [...found.objects.map(({ name }) => name), ...(found.release ? [found.release] : [])] : [name];
      };
      for (const { component, kind, after, objects } of shown.graph) {
        expect(find(component)).toMatchObject({
          type: types[kind],
          dependencies: after.flatMap(objectsOf).sort(),
        });
        for (const { name, after, keep } of objects)
          expect(find(name)).toMatchObject({
            parent: component,
            dependencies: [...after].sort(),
            protect: keep,
            retainOnDelete: keep,
          });
      }
      const components = run.registered.filter(({ type }) => type.startsWith("zero-trust:"));
      expect(components.map(({ name }) => name).sort()).toEqual(
        ["rollout", ...shown.graph.map(({ component }) => component)].sort(),
      );
    });

    test("sends every object to the one provider, whose cluster is pinned", () => {
      const { cluster } = configOf(stack);
      expect(find("cluster")).toMatchObject({
        type: "pulumi:providers:kubernetes",
        inputs: {
          context: cluster.context,
          clusterIdentifier: cluster.identity,
          enableConfigMapMutable: "true",
          enableSecretMutable: "true",
        },
      });
      const providers = run.registered.filter(({ type }) => type.startsWith("kubernetes:")).map((r) => r.provider);
      expect(new Set(providers)).toEqual(new Set(["cluster"]));
    });

    test("gives the engine each component's arguments, for policies to read", () => {
      for (const { kind, name, args } of transitionOf(stack, transition, assignments).plan.components)
        expect(find(name)).toMatchObject({ type: types[kind], inputs: JSON.parse(JSON.stringify(args)) as object });
    });

    test("records that state only when every resource that it speaks of is done, so that a failed update leaves the old one", async () => {
      const { plan } = transitionOf(stack, transition, assignments);
      const counted = plan.components.filter(({ kind }) => transition.auth || kind !== "Spire");
      const names = counted.flatMap(({ name, objects, release }) => [
        name,
        ...objects.map(({ name }) => name),
        ...(release ? [release.name] : []),
      ]);
      const waited = await waitedFor(run.outputs["rollout"] as pulumi.Output<unknown>);
      expect(waited.sort()).toEqual(names.sort());
    });

    test("outputs the next update's previous state", async () => {
      const { plan } = transitionOf(stack, transition, assignments);
      expect(await valueOf(run.outputs["rollout"] as pulumi.Output<unknown>)).toEqual(plan.outputs.rollout);
    });
  });
});
