import { describe, expect, test } from "vitest";
import { previousFor } from "../../../plan/origins";
import { askFlux, type Flux } from "../../../live/probes/flux";
import { decideKnown } from "../../../program/baseline";
import type { Look } from "../../../live/probes/cilium";
import { withCluster, type Answers } from "../../support/fakeCluster";
import { configOf, helm } from "../../support/stacks";

const config = configOf("apps");
const look: Look = { reachable: true, identity: config.cluster.identity, cilium: "on" };
const entry = { kind: "ConfigMap", name: "cilium-zero-trust-values", optional: true };
const metadata = { name: "cilium", namespace: "kube-system" };
const release = (spec: object) => ({ metadata, spec: { chart: { spec: { chart: "cilium" } }, ...spec } });
const fluxWith = (spec: object): Flux => ({ releases: [release(spec)], applied: [] });
const said = (flux: Flux | undefined, ...assignments: string[]) => {
  const decided = configOf("apps", ...assignments);
  const { errors, notes } = decideKnown(decided, previousFor("on", decided).state, look, true, { flux });
  return { errors, notes };
};

const releases = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/kube-system/helmreleases";
const ask = (answers: Answers) => withCluster(answers, ["apps"], () => askFlux(config));

describe("the HelmRelease of Cilium, as it is in the cluster,", () => {
  test("may have what is not ours, and has to read the ConfigMap", () => {
    const good = {
      valuesFrom: [{ kind: "Secret", name: "x" }, entry],
      values: { hubble: {}, operator: { replicas: 1 } },
    };
    expect(said(fluxWith(good))).toEqual({ errors: [], notes: [] });
    expect(said(fluxWith({ valuesFrom: [{ ...entry, name: "other" }] })).errors).toEqual([
      "HelmRelease kube-system/cilium does not read the ConfigMap cilium-zero-trust-values; add to its spec.valuesFrom: { kind: ConfigMap, name: cilium-zero-trust-values, optional: true }",
    ]);
  });

  test.each([
    ["an entry with another key", { valuesFrom: [{ ...entry, valuesKey: "x" }] }, "does not read the ConfigMap"],
    ["an entry that is put at a path", { valuesFrom: [{ ...entry, targetPath: "a" }] }, "does not read the ConfigMap"],
    [
      "values of its own",
      { valuesFrom: [entry], values: { authentication: { enabled: false } } },
      "HelmRelease kube-system/cilium spec.values.authentication wins over the ConfigMap; remove it",
    ],
    [
      "the operator's rollout written down",
      { valuesFrom: [entry], values: { operator: { rollOutPods: false } } },
      "HelmRelease kube-system/cilium spec.values.operator.rollOutPods wins over the ConfigMap; remove it",
    ],
    [
      "an entry with a path over ours",
      { valuesFrom: [entry, { kind: "Secret", name: "x", targetPath: "authentication.mutual.spire.enabled" }] },
      "HelmRelease kube-system/cilium spec.valuesFrom[1] writes authentication.mutual.spire.enabled, over the ConfigMap; remove it",
    ],
  ])("stops an update that would move nothing: %s", (_, spec, text) => {
    expect(said(fluxWith(spec)).errors).toEqual([expect.stringContaining(text)]);
  });

  test("is named where it is suspended, where others come after the ConfigMap, and where there is none", () => {
    expect(said(fluxWith({ valuesFrom: [entry], suspend: true }))).toEqual({
      errors: [],
      notes: [expect.stringContaining("flux resume helmrelease cilium --namespace kube-system")],
    });
    expect(said(fluxWith({ valuesFrom: [entry, { kind: "ConfigMap", name: "late" }] })).notes).toEqual([
      expect.stringContaining("make it the last of spec.valuesFrom"),
    ]);
    expect(said({ releases: [], applied: [] }).notes).toEqual([
      "There is no HelmRelease of Cilium that would read the ConfigMap cilium-zero-trust-values",
    ]);
  });

  test("stops nothing while authentication is off or goes off, and all is said", () => {
    const spec = { values: { authentication: {} }, suspend: true };
    const { errors, notes } = said({ ...fluxWith(spec), applied: ["ConfigMap x"] }, "auth=false");
    expect(errors).toEqual([]);
    expect(notes).toHaveLength(4);
  });
});

describe("what of Flux is in the cluster", () => {
  test("is read: Cilium's HelmReleases, and what a Kustomization applies that this stack owns", async () => {
    const labels = {
      "kustomize.toolkit.fluxcd.io/name": "infra",
      "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    };
    const policies =
      "/apis/cilium.io/v2/namespaces/orders/ciliumnetworkpolicies?labelSelector=" +
      encodeURIComponent("kustomize.toolkit.fluxcd.io/name,app.kubernetes.io/managed-by=zero-trust");
    const found = await ask({
      [releases]: { items: [release({ suspend: true }), { metadata: { name: "podinfo" }, spec: {} }] },
      "/api/v1/namespaces/kube-system/configmaps/cilium-zero-trust-values": {
        metadata: { name: "cilium-zero-trust-values", namespace: "kube-system", labels },
      },
      "/apis/apps/v1/namespaces/spire/statefulsets/spire-server": { metadata: { name: "spire-server" } },
      [policies]: { items: [{ metadata: { name: "allow", namespace: "orders", labels } }] },
    });
    expect(found).toEqual({
      releases: [release({ suspend: true })],
      applied: [
        "ConfigMap kube-system/cilium-zero-trust-values (Kustomization flux-system/infra)",
        "CiliumNetworkPolicy orders/allow (Kustomization flux-system/infra)",
      ],
    });
    expect(said(found).errors).toEqual([
      expect.stringContaining("does not read the ConfigMap"),
      expect.stringContaining("both write it in turn: ConfigMap kube-system/cilium-zero-trust-values (Kust"),
    ]);
  });

  test("is nothing in a cluster without Flux, and is not asked for where Flux delivers nothing", async () => {
    expect(await ask({})).toEqual({ releases: [], applied: [] });
    expect(await askFlux(configOf("apps", ...helm))).toBeUndefined();
  });

  test("stops nothing where nobody could say, which is said", async () => {
    const because = await ask({ [releases]: 403 });
    expect(said(because)).toEqual({
      errors: [],
      notes: ["Nobody could say what Cilium's HelmRelease reads (the API server answered 403)"],
    });
  });
});
