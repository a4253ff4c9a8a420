import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dump, load } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { askAlerts } from "../../../live/probes/alerts";
import { askCsiDriver } from "../../../live/probes/csiDriver";
import { askFlux } from "../../../live/probes/flux";
import { askPods } from "../../../live/probes/pods";
import { askReadiness } from "../../../live/probes/readiness";
import { askRules } from "../../../live/probes/rules";
import { untilOnEveryNode } from "../../../live/gates/everyNode";
import { ofFlux } from "../../../program/fluxFaults";
import { lookAt } from "../../../live/probes/cilium";
import { kubeconfigAt } from "../../../live/client";
import { gateRights, verifyRights } from "../../../live/rights";
import { until } from "../../../lab/until";
import { gather } from "../../../verify/health/gather";
import { judge } from "../../../verify/health/judge";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { configOf } from "../../support/stacks";

interface Kubeconfig {
  users: { name: string; user: object }[];
}

/** Gives a user roles, and returns the kubeconfig of that user. For one user, since the client impersonates no groups. */
function give(plane: ControlPlane, name: string, roles: readonly KubernetesObject[]): string {
  const subjects = [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name }];
  const objects = roles.map((object) => ("subjects" in object ? { ...object, subjects } : object));
  plane.kubectl(
    ["apply", "--server-side", "--filename", "-"],
    objects.map((object) => JSON.stringify(object)).join("\n---\n"),
  );
  const kubeconfig = load(readFileSync(plane.kubeconfig, "utf8")) as Kubeconfig;
  for (const { user } of kubeconfig.users) Object.assign(user, { as: name });
  const file = join(plane.directory, name);
  writeFileSync(file, dump(kubeconfig));
  return file;
}

describe("whoever has the roles that render prints, and nothing else,", () => {
  let plane: ControlPlane;
  const config = configOf("apps", "spire.csi={}");
  const before = process.env["KUBECONFIG"];
  beforeAll(async () => {
    plane = await startControlPlane();
    for (const namespace of ["orders", "spire"]) plane.kubectl(["create", "namespace", namespace]);
    process.env["KUBECONFIG"] = give(plane, "somebody", gateRights(config));
  });
  afterAll(async () => {
    if (before === undefined) delete process.env["KUBECONFIG"];
    else process.env["KUBECONFIG"] = before;
    await plane?.stop();
  });

  test("may see which cluster it is and how far Cilium is, and count pods", async () => {
    expect(await lookAt(config.cluster)).toMatchObject({
      reachable: true,
      waitsFor: expect.stringContaining("Cilium is not in") as string,
    });
    expect(await askPods(config.cluster, ["orders"])).toEqual({ orders: 0 });
    expect(await askPods(config.cluster, ["default"])).toEqual({ default: { because: "the API server answered 403" } });
  });

  test("may ask every question of the gates", async () => {
    expect(
      await untilOnEveryNode(
        config,
        () => undefined,
        () => Promise.resolve(),
      ),
    ).toBeUndefined();
    // An API server that has just started asks to be asked again for what it may yet have.
    await until("it knows its kinds", async () => Array.isArray(await askRules(config.cluster)));
    expect(await askAlerts(config.cluster)).toHaveLength(3);
    expect(await askCsiDriver(config.cluster)).toBeUndefined();
    expect(await askFlux(config)).toEqual({ releases: [], applied: [] });
    const asked = await askReadiness(config);
    expect(JSON.stringify(asked)).not.toContain("403");
    expect(asked.agents).toEqual([]);
    const can = (verb: string, what: string, namespace: string, ...more: string[]) => {
      const as = ["--as", "somebody", "--namespace", namespace];
      try {
        return plane.kubectl(["auth", "can-i", verb, what, ...more, ...as]).trim() === "yes";
      } catch {
        return false;
      }
    };
    for (const verb of ["create", "get"]) {
      expect(can(verb, "pods", "kube-system", "--subresource=exec")).toBe(true);
      expect(can(verb, "pods/spire-server-0", "spire", "--subresource=exec")).toBe(true);
      expect(can(verb, "pods/other", "spire", "--subresource=exec")).toBe(false);
      expect(can(verb, "pods", "orders", "--subresource=exec")).toBe(false);
    }
  });

  test("may see what Cilium's HelmRelease reads, and what Flux applies that the stack owns", async () => {
    const names = { plural: "helmreleases", singular: "helmrelease", kind: "HelmRelease", listKind: "HelmReleaseList" };
    const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    const apply = (...objects: object[]) =>
      plane.kubectl(
        ["apply", "--server-side", "--filename", "-"],
        objects.map((o) => JSON.stringify(o)).join("\n---\n"),
      );
    // As much of Flux's as holds a release: its CRDs are in no Go module.
    apply({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "helmreleases.helm.toolkit.fluxcd.io" },
      spec: {
        group: "helm.toolkit.fluxcd.io",
        names,
        scope: "Namespaced",
        versions: [{ name: "v2", served: true, storage: true, schema: { openAPIV3Schema: anything } }],
      },
    });
    plane.kubectl(["wait", "--for=condition=Established", "crd", "helmreleases.helm.toolkit.fluxcd.io"]);
    const labels = {
      "kustomize.toolkit.fluxcd.io/name": "zero-trust",
      "kustomize.toolkit.fluxcd.io/namespace": "flux",
    };
    apply(
      {
        apiVersion: "helm.toolkit.fluxcd.io/v2",
        kind: "HelmRelease",
        metadata: { name: "cilium", namespace: "kube-system" },
        spec: { suspend: true, values: { authentication: { enabled: false } } },
      },
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "cilium-zero-trust-values", namespace: "kube-system", labels },
      },
    );
    const flux = await until("the release is listed", async () => {
      const found = await askFlux(config);
      return found && "releases" in found && found.releases.length > 0 ? found : undefined;
    });
    const { errors, notes } = ofFlux(flux, false);
    expect(errors).toEqual([
      expect.stringContaining("HelmRelease kube-system/cilium does not read the ConfigMap"),
      expect.stringContaining("HelmRelease kube-system/cilium spec.values.authentication wins"),
      expect.stringContaining("ConfigMap kube-system/cilium-zero-trust-values (Kustomization flux/zero-trust)"),
    ]);
    expect(notes).toEqual([expect.stringContaining("HelmRelease kube-system/cilium is suspended")]);
  });

  test("may change nothing, and read no secret", () => {
    const rules = gateRights(config).flatMap(
      (object) => (object["rules"] ?? []) as { resources: string[]; verbs: string[] }[],
    );
    expect(rules.length).toBeGreaterThan(0);
    for (const { resources, verbs } of rules) {
      expect(resources).not.toContain("secrets");
      const writes = verbs.filter((verb) => !["get", "list"].includes(verb));
      expect(writes.length === 0 || resources.every((resource) => /^pods\/(exec|portforward)$/.test(resource))).toBe(
        true,
      );
    }
  });

  test("with the roles of npm run verify alone, every question of it is answered, and none is refused", async () => {
    const gates = process.env["KUBECONFIG"];
    process.env["KUBECONFIG"] = give(plane, "verifier", verifyRights(config));
    try {
      const kubeconfig = (await kubeconfigAt(config.cluster.context)) ?? expect.fail("no context");
      const identity = plane.kubectl(["get", "namespace", "kube-system", "--output", "jsonpath={.metadata.uid}"]);
      const facts = await gather({
        stack: "apps",
        config: { ...config, cluster: { ...config.cluster, identity } },
        kubeconfig,
        askRecorded: () => Promise.resolve({ known: undefined }),
        servers: undefined,
        window: 60_000,
        progress: () => undefined,
      });
      expect(facts.uid).toEqual({ known: identity });
      expect(JSON.stringify(facts)).not.toContain("answered 403");
      expect(facts.cilium.policies).toEqual({ known: [] });
      expect(facts.cilium.agents).toEqual({ known: [] });
      expect(facts.spire.staticEntries).toEqual({ known: [] });
      expect(facts.spire.statefulSet).toEqual({ known: undefined });
      // A pod that is not there answers no command; that one may be run in it is what the first says.
      expect(facts.spire.entries).not.toHaveProperty("known");
      expect(judge(facts).find(({ verdict }) => verdict === "fail")).toMatchObject({
        check: "spire-server",
        saw: "there is no StatefulSet spire/spire-server",
      });
    } finally {
      process.env["KUBECONFIG"] = gates;
    }
  });
});
