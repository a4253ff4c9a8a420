import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ManagedFields } from "./kubernetes/api";
import { difference, propertyPath } from "./kubernetes/difference";
import { takeOver } from "./kubernetes/fieldManagers";
import { recorded } from "./kubernetes/shape";
import type { Fields } from "./values";

const mutable = { configMaps: true, secrets: true };
const object = (kind: string, more: Fields): Fields => {
  const [apiVersion, name] = [kind.slice(0, kind.lastIndexOf("/")), kind.slice(kind.lastIndexOf("/") + 1)];
  return { apiVersion, kind: name, metadata: { name: "it", namespace: "spire" }, ...more };
};
/** As when the API server has stored what was asked for, as it was asked for. */
const between = (before: Fields, after: Fields, rules = mutable) =>
  difference({ state: before, inputs: before }, after, rules, true);
const replaced = (before: Fields, after: Fields, rules = mutable) =>
  Object.entries(between(before, after, rules).paths)
    .filter(([, { replace }]) => replace)
    .map(([path]) => path);

describe("what makes a new object of the old one", () => {
  const rules: readonly (readonly [string, Fields, Fields, readonly string[]])[] = [
    ["apps/v1/StatefulSet", { spec: { replicas: 1 } }, { spec: { replicas: 2 } }, []],
    ["apps/v1/StatefulSet", { spec: { template: { a: 1 } } }, { spec: { template: { a: 2 } } }, []],
    ["apps/v1/StatefulSet", { spec: { updateStrategy: { type: "OnDelete" } } }, { spec: {} }, []],
    ["apps/v1/StatefulSet", { spec: { minReadySeconds: 1 } }, { spec: { minReadySeconds: 2 } }, []],
    ["apps/v1/StatefulSet", { spec: { serviceName: "a" } }, { spec: { serviceName: "b" } }, ["spec.serviceName"]],
    [
      "apps/v1/StatefulSet",
      { spec: { volumeClaimTemplates: [{ spec: { a: 1 } }] } },
      { spec: { volumeClaimTemplates: [{ spec: { a: 2 } }] } },
      ["spec.volumeClaimTemplates[0].spec.a"],
    ],
    ["apps/v1/Deployment", { spec: { selector: { a: 1 } } }, { spec: { selector: { a: 2 } } }, ["spec.selector.a"]],
    ["apps/v1/DaemonSet", { spec: { selector: { a: 1 } } }, { spec: { selector: {} } }, ["spec.selector.a"]],
    ["apps/v1/DaemonSet", { spec: { template: { a: 1 } } }, { spec: { template: { a: 2 } } }, []],
    ["v1/Service", { spec: { clusterIP: "10.0.0.1" } }, { spec: { clusterIP: "None" } }, ["spec.clusterIP"]],
    ["v1/Service", { spec: { clusterIP: "None" } }, {}, ["spec"]],
    ["v1/Service", { spec: { ports: [1] } }, { spec: { ports: [2] } }, []],
    [
      "v1/PersistentVolumeClaim",
      { spec: { storageClassName: "a" } },
      { spec: { storageClassName: "b" } },
      ["spec.storageClassName"],
    ],
    ["v1/PersistentVolumeClaim", { spec: { resources: { a: 1 } } }, { spec: { resources: { a: 2 } } }, []],
    ["batch/v1/Job", { spec: { template: { a: 1 } } }, { spec: { template: { a: 2 } } }, ["spec.template.a"]],
    [
      "rbac.authorization.k8s.io/v1/RoleBinding",
      { roleRef: { name: "a" } },
      { roleRef: { name: "b" } },
      ["roleRef.name"],
    ],
    ["rbac.authorization.k8s.io/v1/Role", { rules: [1] }, { rules: [2] }, []],
    ["storage.k8s.io/v1/StorageClass", { provisioner: "a" }, { provisioner: "b" }, ["provisioner"]],
    ["v1/Secret", { type: "Opaque" }, { type: "other" }, ["type"]],
    ["cilium.io/v2/CiliumNetworkPolicy", { spec: { selector: 1 } }, { spec: { selector: 2 } }, []],
  ];
  test.each(rules)("%s: %j to %j", (kind, before, after, expected) => {
    expect(replaced(object(kind, before), object(kind, after))).toEqual(expected);
  });

  test.each(["ConfigMap", "Secret"])("the data of a %s, unless it may be changed in place", (kind) => {
    const strict = { configMaps: false, secrets: false };
    const [before, after] = ["YQ==", "Yg=="].map((text) => object(`v1/${kind}`, { data: { "a.conf": text } }));
    expect(replaced(before!, after!, strict)).toEqual(['data["a.conf"]']);
    expect(replaced(before!, after!)).toEqual([]);
    expect(replaced({ ...before!, immutable: true }, { ...after!, immutable: true })).toEqual(['data["a.conf"]']);
  });

  test("another name or namespace, and then the new one is made first", () => {
    const before = object("v1/ConfigMap", {});
    for (const key of ["name", "namespace"]) {
      const after = { ...before, metadata: { ...(before["metadata"] as Fields), [key]: "other" } };
      expect(replaced(before, after)).toEqual([`metadata.${key}`]);
      expect(between(before, after).deleteBeforeReplace).toBe(false);
    }
  });
});

test("what is asked for again is no change, whatever it is, and whatever the API server has added", () => {
  const spec = fc.dictionary(fc.string(), fc.jsonValue({ noUnicodeString: true, maxDepth: 3 }));
  fc.assert(
    fc.property(spec, (given) => {
      const asked = object("cilium.io/v2/CiliumNetworkPolicy", { spec: given });
      const stored = { ...asked, metadata: { ...(asked["metadata"] as Fields), uid: "1" }, status: { ok: true } };
      expect(recorded(stored, asked)).toEqual(asked);
      expect(difference({ state: stored, inputs: asked }, asked, mutable, true).paths).toEqual({});
    }),
  );
});

test("what has drifted since is a change, in Kubernetes' own kinds and in others", () => {
  for (const kind of ["v1/ConfigMap", "cilium.io/v2/CiliumNetworkPolicy"]) {
    const asked = object(kind, { data: { a: "1", b: "2" } });
    const state = object(kind, { data: { a: "1.0" } });
    const { paths } = difference({ state, inputs: asked }, asked, mutable, true);
    expect(Object.keys(paths)).toEqual(["data.a", "data.b"]);
  }
});

test("what somebody else has added, to an object or to a list, is no change", () => {
  const rules = (...ingress: object[]) => object("cilium.io/v2/CiliumNetworkPolicy", { spec: { ingress } });
  for (const asked of [rules(), rules({}), rules({ fromEndpoints: [{ matchLabels: { app: "web" } }] })]) {
    const { ingress } = asked["spec"] as { ingress: object[] };
    const state = rules(...ingress.map((rule) => ({ ...rule, fromEntities: ["all"] })), { fromEntities: ["world"] });
    expect(difference({ state, inputs: asked }, asked, mutable, true).paths).toEqual({});
  }
});

test("a quantity in other words is no change, and another quantity is", () => {
  const claim = (storage: string) =>
    object("v1/PersistentVolumeClaim", { spec: { resources: { requests: { storage } } } });
  expect(between(claim("1024Mi"), claim("1Gi")).paths).toEqual({});
  expect(Object.keys(between(claim("1G"), claim("1Gi")).paths)).toEqual(["spec.resources.requests.storage"]);
});

test("a Secret's stringData is its data", () => {
  const asked = object("v1/Secret", { stringData: { key: "a" } });
  const state = object("v1/Secret", { data: { key: "YQ==" } });
  expect(difference({ state, inputs: asked }, asked, mutable, true).paths).toEqual({});
  const other = object("v1/Secret", { stringData: { key: "b" } });
  expect(Object.keys(difference({ state, inputs: asked }, other, mutable, true).paths)).toEqual(["data.key"]);
});

test("a path is written so that a key with dots stays one key", () => {
  expect(propertyPath(["data", "a.conf"])).toBe('data["a.conf"]');
  expect(propertyPath(["spec", "ports", 0, "port"])).toBe("spec.ports[0].port");
});

describe("an update takes over the fields of", () => {
  const entry = (manager: string, operation: "Apply" | "Update", fieldsV1: object): ManagedFields => ({
    manager,
    operation,
    fieldsV1,
  });
  const ours = "pulumi-kubernetes-1";

  test("its own create and of kubectl, joined with those that it has", () => {
    const entries = [
      entry(ours, "Apply", { "f:data": { "f:a": {} } }),
      entry("kubectl-edit", "Update", { "f:data": { ".": {}, "f:b": {} } }),
    ];
    expect(takeOver(entries, ours)).toEqual([entry(ours, "Apply", { "f:data": { ".": {}, "f:a": {}, "f:b": {} } })]);
  });

  test("nobody else, and not of a status", () => {
    const entries = [
      entry("flux", "Apply", {}),
      entry("cilium-operator", "Update", {}),
      { ...entry("kubectl", "Update", {}), subresource: "status" },
    ];
    expect(takeOver(entries, ours)).toBeUndefined();
  });
});
