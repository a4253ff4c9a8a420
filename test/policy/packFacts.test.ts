import { beforeEach, describe, expect, test } from "vitest";
import { factsOfPlan } from "../../policy/facts/facts";
import { factsOfResources, knownPart, type PackResource } from "../../policy/pack/packFacts";
import { runProgram } from "../support/engine";
import { cluster, withCluster } from "../support/fakeCluster";
import { configOf, transitionOf } from "../support/stacks";
import { checkStack, resourceOf, startPack, unknown, withUnknowns } from "./packDriver";

describe("the facts that the pack rebuilds from the engine's resources", () => {
  beforeEach(startPack);

  test("are those of the plan", async () => {
    const { config, previous, plan } = transitionOf("apps", { from: "on", auth: true });
    const { registered } = await withCluster(cluster({ authenticating: true }), ["apps"], () =>
      runProgram("apps", config, { rollout: previous.state }),
    );
    const stack = { name: "apps", peers: [] };
    const planned = factsOfPlan(stack, config, plan, previous);
    const rebuilt = factsOfResources({ stack, config }, [
      { type: "zero-trust:rollout:Rollout", name: "rollout", props: { previous } },
      ...registered.map(resourceOf),
    ]);
    const sorted = (facts: typeof planned) => ({
      ...facts,
      edges: facts.edges.map(({ from, to }) => `${from} ${to}`).sort(),
      components: facts.components
        .map((part) => ({ ...part, resources: [...part.resources].sort() }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    });
    expect(sorted(rebuilt)).toEqual(sorted({ ...planned, objects: rebuilt.objects }));
    expect(new Set(rebuilt.objects)).toEqual(new Set(planned.objects));
  });

  test("have an unknown baseline without the component that tells it, and an empty one on the first run", () => {
    const basis = { stack: { name: "apps", peers: [] }, config: configOf("apps") };
    expect(factsOfResources(basis, []).previous).toBe("unknown");
    const first = { type: "zero-trust:rollout:Rollout", name: "rollout", props: { previous: {} } };
    expect(factsOfResources(basis, [first]).previous).toEqual({});
  });

  test("have of a patch nothing that others wrote on its object, which is given back with it", () => {
    const metadata = { name: "orders", labels: { "argocd.argoproj.io/instance": "apps" }, annotations: { a: "b" } };
    const props = { apiVersion: "v1", kind: "Namespace", metadata };
    const basis = { stack: { name: "apps", peers: [] }, config: configOf("apps") };
    const { objects } = factsOfResources(basis, [{ type: "kubernetes:core/v1:NamespacePatch", name: "mesh", props }]);
    expect(objects).toEqual([{ ...props, metadata: { name: "orders" } }]);
  });

  describe("have the values of Cilium's chart", () => {
    const values = { authentication: { enabled: false } };
    const release = (chart: unknown, rest: Partial<PackResource> = {}): PackResource => ({
      type: "kubernetes:helm.sh/v3:Release",
      name: "network",
      props: { chart, namespace: "kube-system", values },
      ...rest,
    });
    const releasesOf = (...resources: PackResource[]) =>
      factsOfResources({ stack: { name: "apps", peers: [] }, config: configOf("apps") }, resources).releases;
    const theirs = { name: "network", namespace: "kube-system", values, complete: true };

    test.each([
      "cilium",
      "oci://quay.io/cilium/charts/cilium",
      "oci://quay.io/cilium/charts/cilium:1.19.3",
      "oci://quay.io/cilium/charts/cilium@sha256:00",
      "./charts/cilium/",
      "https://helm.cilium.io/cilium-1.19.3.tgz",
    ])("from a release of %s that this program did not make", (chart) => {
      expect(releasesOf(release(chart))).toEqual([theirs]);
      expect(releasesOf(release(chart, { type: "kubernetes:helm.sh/v4:Chart" }))).toEqual([theirs]);
    });

    test("under the name and in the namespace that the release has, and not as all of them beside files that nobody can read here", () => {
      const props = { chart: "cilium", name: "cilium", values, valueYamlFiles: [{}] };
      expect(releasesOf(release("", { props }))).toEqual([
        { name: "cilium", namespace: "default", values, complete: false },
      ]);
    });

    test("not from another chart, and not twice from the release that the component CiliumAuth makes", () => {
      for (const chart of ["cilium-extras", "oci://ghcr.io/x/not-cilium", "./cilium/other", undefined])
        expect(releasesOf(release(chart))).toEqual([]);
      const component = { type: "zero-trust:cilium:CiliumAuth", name: "cilium-auth", props: { values } };
      expect(releasesOf(component, release("cilium", { parent: component }))).toEqual([
        { name: "cilium", namespace: "kube-system", values, complete: false },
      ]);
    });

    test("which every guardrail of the flag then judges", () => {
      const found = checkStack("flag-atomic", [release("cilium")]);
      expect(found).toContainEqual(
        expect.stringContaining("Values of kube-system/network authentication.enabled is false while auth is on"),
      );
      const meshed = { ...values, clustermesh: { useAPIServer: true } };
      expect(checkStack("no-clustermesh", [release("cilium", { props: { chart: "cilium", values: meshed } })])).toEqual(
        ["Values of default/network clustermesh.useAPIServer is true; write false"],
      );
    });
  });

  test("name every place that is unknown, however deep", () => {
    const proxy = withUnknowns({ a: [1, { b: unknown }], c: unknown, d: "known" });
    expect(knownPart(proxy)).toEqual({
      value: { a: [1, { b: undefined }], c: undefined, d: "known" },
      unknown: ["a[1].b", "c"],
    });
  });
});
