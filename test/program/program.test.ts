import { load } from "js-yaml";
import { beforeAll, describe, expect, test } from "vitest";
import type * as pulumi from "@pulumi/pulumi";
import { filesOf } from "../../cli/lib/files";
import { types } from "../../components/types";
import type { KubernetesObject } from "../../core/util/kubernetes";
import { renderStack } from "../../cli/lib/renderStack";
import { generated, runProgram, valueOf, waitedFor, type Registered, type Run } from "../support/engine";
import { spireBelow, withCertificates } from "../components/certificates/fixture";
import { cluster, withCluster } from "../support/fakeCluster";
import { configOf, helm, root, stacks, transitionOf, transitions } from "../support/stacks";

interface GraphComponent {
  component: string;
  kind: keyof typeof types;
  after: string[];
  objects: { name: string; after: string[]; keep: boolean | "retained" }[];
  release?: string;
}

const withoutCilium =
  'cluster={"name":"apps","context":"apps","identity":"00000000-0000-0000-0000-000000000000","kubernetes":"1.34"}';
const withZtunnel = 'mesh={"ztunnel":{"experimental":true}}';

/** The committed stacks, and one with each other way of installing SPIRE and of delivering Cilium's values. */
const variants: readonly (readonly [what: string, stack: string, assignments: readonly string[]])[] = [
  ...stacks.map((stack) => [stack, stack, []] as const),
  [
    "apps with Cilium's release, and agents in a namespace of their own with a CSI driver",
    "apps",
    [...helm, "spire.agentNamespace=spire-agents", "spire.csi={}"],
  ],
  [
    "apps with servers of SPIRE that share a database, whose password it makes",
    "apps",
    ["spire.replicas=3", "spire.datastore.postgres.address=postgres.databases.svc:5432"],
  ],
  [
    "apps with certificates by a cert-manager of its own, which sign SPIRE's CA",
    "apps",
    [withCertificates({ trust: {}, approval: true }), ...spireBelow],
  ],
  ["apps with the SPIRE in Cilium's chart", "apps", ["spire.install=bundled", "cluster.cilium.delivery=none"]],
  [
    "apps with a SPIRE that is already there",
    "apps",
    ["spire.install=external", "spire.external.serverAddress=spire.corp:443"],
  ],
  ...["istio", "linkerd"].map(
    (mesh) =>
      [
        `apps with ${mesh} in the place of Cilium`,
        "apps",
        [`mesh={"${mesh}":{}}`, "spire.install=none", withoutCilium],
      ] as const,
  ),
  [
    "apps with Cilium's ztunnel",
    "apps",
    [withZtunnel, "spire.install=none", "rollout.phases.orders=observe", "access=[]"],
  ],
  [
    "apps with Istio, for which SPIRE signs",
    "apps",
    [
      'mesh={"istio":{}}',
      withoutCilium,
      "spire.csi={}",
      'spire.workloads=[{"name":"mesh","namespaces":["billing","orders","web"]}]',
    ],
  ],
];

/** Beside ztunnel authentication is never on. */
const transitionsOf = (assignments: readonly string[]) =>
  transitions.filter(({ auth }) => !auth || !assignments.includes(withZtunnel));

const releaseType = "kubernetes:helm.sh/v3:Release";
const secretType = "kubernetes:core/v1:Secret";

/** What render shows of one transition: the objects from its files, by the resource's name in their first line, and its graph. */
function rendered(stack: string, from: "new" | "on" | "off", auth: boolean, assignments: readonly string[]) {
  const result = renderStack(root, stack, [...assignments, `auth=${auth}`], from);
  const { files } = filesOf(result);
  const objects = new Map(
    files
      .filter(({ path }) => /^(0-crds|1-objects|2-patches)\//.test(path))
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
  return withCluster(
    cluster({ authenticating: previous.cilium === "on", ztunnel: config.mesh?.ztunnel !== undefined }),
    [...stacks],
    () => runProgram(stack, config, outputs),
  );
}

describe.each(variants)("the program of stack %s", (_, stack, assignments) => {
  describe.each(transitionsOf(assignments))("$name", (transition) => {
    let run: Run;
    let shown: ReturnType<typeof rendered>;
    const find = (name: string) => run.registered.find((resource) => resource.name === name) as Registered;
    beforeAll(async () => {
      run = await runTransition(stack, transition, assignments);
      shown = rendered(stack, transition.from, transition.auth, assignments);
    });

    test("registers exactly the objects that render shows, with all their inputs, and beside them Secrets", () => {
      const objects = run.registered.filter(
        ({ type }) => type.startsWith("kubernetes:") && ![releaseType, secretType].includes(type),
      );
      expect(Object.fromEntries(objects.map(({ name, inputs }) => [name, inputs]))).toEqual(
        Object.fromEntries(shown.objects),
      );
      expect(objects.length).toBe(shown.objects.size);
    });

    test("puts a password that it makes into its Secret, encrypted in the state, and nowhere else", () => {
      const passwords = run.registered.filter(({ type }) => type.startsWith("random:"));
      const secrets = run.registered.filter(({ type }) => type === secretType);
      expect(secrets.map(({ name }) => name)).toEqual(passwords.map(({ name }) => name));
      // As the SDK marks what is secret to the engine.
      for (const { inputs } of secrets)
        expect(inputs["stringData"]).toEqual({
          "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
          value: { password: generated },
        });
      const others = run.registered.filter((resource) => !secrets.includes(resource));
      expect(JSON.stringify(others.map(({ inputs }) => inputs))).not.toContain(generated);
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
      for (const { name, after = [] } of planned) expect(find(name).dependencies).toEqual([...after].sort());
      // Cilium's cannot even be taken out of the program by mistake: it is the network.
      for (const { name, protect, retainOnDelete } of releases)
        expect([protect, retainOnDelete]).toEqual([name.startsWith("cilium"), true]);
    });

    test("gives a change of certificates a minute where authentication goes, and as long as it takes where it comes, or they are made", () => {
      const live = run.registered.filter(({ type }) => !type.startsWith("random:"));
      for (const { name, parent, mayTake, mayTakeAtFirst } of live) {
        const hurried = [name, parent].includes("certificates");
        expect(mayTake).toBe(hurried && !transition.auth ? "1m" : "");
        expect(mayTakeAtFirst).toBe("");
      }
    });

    test("puts them in the order that render shows", () => {
      const objectsOf = (name: string) => {
        const found = shown.graph.find(({ component }) => component === name);
        return found ? [...found.objects.map(({ name }) => name), ...(found.release ? [found.release] : [])] : [name];
      };
      for (const { component, kind, after, objects } of shown.graph) {
        const { type, dependencies } = find(component);
        // A password has the name of its Secret.
        expect([type, [...new Set(dependencies)]]).toEqual([types[kind], after.flatMap(objectsOf).sort()]);
        for (const { name, after, keep } of objects) {
          const registered = run.registered.find(
            ({ type, ...other }) => other.name === name && !type.startsWith("random:"),
          );
          expect({
            ...registered,
            // A Secret also comes after its password, which has its name.
            dependencies: registered?.dependencies.filter((other) => other !== name),
          }).toMatchObject({
            parent: component,
            dependencies: [...after].sort(),
            protect: keep === true,
            retainOnDelete: keep !== false,
          });
        }
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
      const counted = plan.components.filter(
        ({ kind }) => kind !== "Certificates" && (transition.auth || !["Spire", "MeshNamespaces"].includes(kind)),
      );
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

test("with authentication off already, SPIRE has all the time that a change of it takes: of its trust domain say", async () => {
  const { registered } = await runTransition("apps", { name: "off-off", from: "off", auth: false }, []);
  expect(registered.find(({ name }) => name === "spire-agent")).toMatchObject({ mayTake: "" });
});
