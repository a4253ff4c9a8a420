import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../config/load";
import type { StackConfig } from "../../../core/schema/schema";
import { previousFor } from "../../../plan/origins";
import { plan } from "../../../plan/plan";
import { askMesh, type MeshLook } from "../../../live/probes/mesh";
import { decideKnown } from "../../../program/baseline";
import type { Previous } from "../../../core/rollout/state";
import { runningIn, uid, withCluster, type Answers } from "../../support/fakeCluster";

const load = (mesh: object, changes: object = {}): StackConfig =>
  loadConfig(
    {
      auth: true,
      trustDomain: "apps.zt.internal",
      cluster: { name: "apps", context: "apps", identity: uid, kubernetes: "1.34" },
      mesh,
      spire: { install: "none" },
      rollout: { phases: { orders: "allow", shop: "observe", attic: "off" } },
      ...changes,
    },
    "apps",
  );
const sidecar = load({ istio: {} });
const ambient = load({ istio: { mode: "ambient" } });
const linkerd = load({ linkerd: {} });
const look = { reachable: true, identity: uid, cilium: "off" } as const;

const ask = (config: StackConfig, answers: Answers) => withCluster(answers, ["apps"], () => askMesh(config));
const namespace = (name: string, labels: object, annotations: object = {}) => ({
  [`/api/v1/namespaces/${name}`]: { metadata: { name, labels, annotations } },
});
const stateOf = async (config: StackConfig, labels: object, annotations: object = {}) =>
  (await ask(config, namespace("orders", labels, annotations))).namespaces["orders"];
const patched = (config: StackConfig, previous: Previous) =>
  plan(config, previous).components.flatMap(({ objects }) =>
    objects.filter(({ patch }) => patch).map(({ manifest }) => manifest.metadata),
  );

describe("a namespace that is to be in a mesh", () => {
  test("gets what takes new pods in, and in ambient mode those that run, under a field manager of its own", () => {
    const marksOf = (config: StackConfig) => patched(config, { namespaces: { orders: "ours" } });
    const annotations = { "pulumi.com/patchFieldManager": "zero-trust-mesh" };
    expect(marksOf(sidecar)).toEqual([{ name: "orders", labels: { "istio-injection": "enabled" }, annotations }]);
    expect(marksOf(load({ istio: { revision: "stable" } }))).toEqual([
      { name: "orders", labels: { "istio.io/rev": "stable" }, annotations },
    ]);
    expect(marksOf(ambient)).toEqual([
      { name: "orders", labels: { "istio.io/dataplane-mode": "ambient" }, annotations },
    ]);
    expect(marksOf(linkerd)).toEqual([
      { name: "orders", annotations: { ...annotations, "linkerd.io/inject": "enabled" } },
    ]);
  });

  test("is left alone where Flux or Argo CD keeps it, and what Git has to have is said", async () => {
    for (const label of ["kustomize.toolkit.fluxcd.io/name", "argocd.argoproj.io/instance"])
      expect(await stateOf(sidecar, { [label]: "apps" })).toBe("git");
    expect(await stateOf(sidecar, {}, { "argocd.argoproj.io/tracking-id": "x" })).toBe("git");
    const { components, notes } = plan(sidecar, { namespaces: { orders: "git", shop: "marked" } });
    expect(components.map(({ kind }) => kind)).not.toContain("MeshNamespaces");
    expect(notes).toEqual([
      "Git has the namespace orders, so it is not changed here. Write there, and restart its pods:\n" +
        "metadata:\n  name: orders\n  labels:\n    istio-injection: enabled",
    ]);
  });

  test("is left alone where the configuration says that Git has it, until it is marked there", async () => {
    const git = load({ linkerd: { namespaces: "git" } });
    expect(await stateOf(git, {})).toBe("git");
    expect(await stateOf(git, {}, { "linkerd.io/inject": "enabled" })).toBe("marked");
    expect(plan(git, previousFor("new", git)).notes.join("\n")).toContain("linkerd.io/inject: enabled");
    expect(plan(git, { namespaces: { orders: "marked", shop: "marked" } }).notes).toEqual([]);
  });

  test("is not made: where it is missing, what it has to be made with is said", async () => {
    expect((await ask(sidecar, {})).namespaces).toEqual({ orders: "missing", shop: "missing" });
    const { notes } = plan(sidecar, { namespaces: { orders: "missing" } });
    expect(notes).toEqual([expect.stringMatching(/^There is no namespace orders yet[^]*istio-injection: enabled$/)]);
    expect(patched(sidecar, { namespaces: { orders: "missing" } })).toEqual([]);
  });

  test.each([
    [sidecar, { "istio-injection": "disabled" }, "istio-injection: disabled"],
    [sidecar, { "istio.io/rev": "canary" }, "istio.io/rev: canary"],
    [load({ istio: { revision: "stable" } }), { "istio-injection": "enabled" }, "istio-injection: enabled"],
    [ambient, { "istio.io/dataplane-mode": "none" }, "istio.io/dataplane-mode: none"],
  ])("stops the update where it says something else: %#", async (config, labels, says) => {
    const found = await ask(config, namespace("orders", labels));
    expect(found.namespaces["orders"]).toEqual({ says });
    expect(decideKnown(config, undefined, look, false, { mesh: found }).errors).toEqual([
      expect.stringContaining(`The namespace orders says ${says}, which keeps its pods out of the mesh`),
    ]);
    const off = { ...config, auth: false };
    expect(decideKnown(off, undefined, look, false, { mesh: found })).toMatchObject({
      errors: [],
      notes: [expect.stringContaining(says)],
    });
  });

  test("keeps what it got where nobody can say whose it is now, and is not touched where it got nothing", async () => {
    const mesh = await ask(sidecar, { "/api/v1/namespaces/orders": 403, "/api/v1/namespaces/shop": 403 });
    const known = decideKnown(sidecar, undefined, look, false, { mesh });
    expect(known.notes).toContainEqual(
      expect.stringMatching(/^Nobody could say whose the namespace NAMESPACE is .*\(NAMESPACE: orders, shop\)$/),
    );
    const { state } = previousFor("on", sidecar);
    expect(patched(sidecar, { ...(state ? { state } : {}) }).map(({ name }) => name)).toEqual(["orders", "shop"]);
    expect(patched(sidecar, known.previous)).toEqual([]);
  });

  test("changes in no way with the flag, and off is recorded without it", () => {
    const { state } = previousFor("on", sidecar);
    const before = { ...(state ? { state } : {}) };
    const off = plan({ ...sidecar, auth: false }, { ...before, namespaces: { orders: "git", shop: "missing" } });
    expect(off.outputs.rollout.marked).toEqual(["orders", "shop"]);
    expect(off.components.at(-1)).toMatchObject({ kind: "MeshNamespaces", after: ["access-orders", "access-shop"] });
    expect(off.recordedAfter).toEqual(["access-orders", "access-shop"]);
    const older = { ...before, state: { ...state!, marked: undefined } } as unknown as Previous;
    expect(patched({ ...sidecar, auth: false }, older)).toEqual([]);
  });

  test("is none of Kubernetes' own, and none that is off", () => {
    const own = load({ linkerd: {} }, { rollout: { phases: { "kube-system": "observe", attic: "off" } } });
    expect(patched(own, previousFor("new", own))).toEqual([]);
  });

  test("has no revision in ambient mode", () => {
    expect(() => load({ istio: { mode: "ambient", revision: "stable" } })).toThrow("zero-trust:mesh.istio.revision");
  });
});

describe("pods that are not in the mesh", () => {
  const pod = (name: string, spec: object = {}, annotations: object = {}) => ({
    metadata: { name, annotations },
    spec,
  });
  const container = (name: string) => ({ containers: [{ name: "app" }, { name }] });
  const redirected = { "ambient.istio.io/redirection": "enabled" };
  const outside = async (config: StackConfig, ...items: object[]) =>
    (await ask(config, { [runningIn("orders")]: { items } })).outside;

  test("are told by their proxy, which may be an init container, or in ambient mode by Istio's own mark", async () => {
    const native = { initContainers: [{ name: "istio-proxy" }], containers: [{ name: "app" }] };
    expect(await outside(sidecar, pod("a", container("istio-proxy")), pod("b", native), pod("c"))).toEqual({
      orders: ["c"],
    });
    expect(await outside(ambient, pod("a", {}, redirected), pod("b"))).toEqual({ orders: ["b"] });
    expect(await outside(linkerd, pod("a", container("linkerd-proxy")), pod("b", { hostNetwork: true }))).toEqual({
      orders: ["b (on its node's network)"],
    });
  });

  test("are looked for where callers are denied alone, and not while authentication is off", async () => {
    expect(Object.keys(await outside(sidecar))).toEqual(["orders"]);
    expect(await outside({ ...sidecar, auth: false })).toEqual({});
  });

  test("are named, with how they come in, and stop nothing", () => {
    const notesOf = (outside: MeshLook["outside"]) => {
      const { errors, notes } = decideKnown(sidecar, undefined, look, false, { mesh: { namespaces: {}, outside } });
      expect(errors).toEqual([]);
      return notes.join("\n");
    };
    expect(notesOf({ orders: ["a"] })).toMatch(/^1 of the pods that run in orders is not in the mesh.*: a\. Restart/);
    expect(notesOf({ orders: [..."abcdefg"] })).toContain("a, b, c, d, e and 2 more");
    expect(notesOf({ orders: { because: "403" } })).toContain("which pods of orders are in the mesh (403)");
    expect(notesOf({ orders: ["a"], shop: ["b", "c"] })).toMatch(
      /^3 of the pods that run in orders, shop are not .*: orders\/a, shop\/b, shop\/c\. .*--namespace NAMESPACE rollout/,
    );
    expect(notesOf({ orders: [] })).toBe("");
  });
});
