import { at, isFields, type Fields } from "./values";

/** What may happen to an object, of the kinds whose description (`ConfigMap spire/spire-server`) matches. */
export type Mutation = readonly [name: string, kind: RegExp, mutate: (object: Fields) => Fields];

const set = (path: readonly string[], value: unknown) => (object: Fields) => changed(object, path, () => value);
export const mutations: readonly Mutation[] = [
  ["nothing changes", /./, (object) => object],
  ["a label comes", /./, set(["metadata", "labels", "example.com/more"], "1")],
  [
    "a label goes",
    /^(?!CustomResourceDefinition)/,
    set(["metadata", "labels", "app.kubernetes.io/managed-by"], undefined),
  ],
  ["an annotation comes", /./, set(["metadata", "annotations", "example.com/more"], "1")],
  ["data changes", /^ConfigMap/, (object) => changed(object, ["data", firstKey(object["data"])], () => "changed")],
  ["data goes", /^ConfigMap/, (object) => changed(object, ["data", firstKey(object["data"])], () => undefined)],
  ["data comes", /^ConfigMap/, set(["data", "more.conf"], "1")],
  ["the service's name changes", /^StatefulSet/, set(["spec", "serviceName"], "other")],
  ["pods are managed otherwise", /^StatefulSet/, set(["spec", "podManagementPolicy"], "Parallel")],
  ["a replica comes", /^StatefulSet/, set(["spec", "replicas"], 2)],
  [
    "the selector changes",
    /^(StatefulSet|DaemonSet|Deployment)/,
    (object) => {
      const both = set(["spec", "selector", "matchLabels", "more"], "1")(object);
      return set(["spec", "template", "metadata", "labels", "more"], "1")(both);
    },
  ],
  [
    "the image changes",
    /^(StatefulSet|DaemonSet|Deployment)/,
    (object) => eachContainer(object, () => ({ image: "other:1" })),
  ],
  [
    "a container gets a variable",
    /^(StatefulSet|DaemonSet|Deployment)/,
    (object) => eachContainer(object, () => ({ env: [{ name: "A", value: "1" }] })),
  ],
  [
    "a quantity is written otherwise",
    /^(StatefulSet|DaemonSet|Deployment)/,
    (object) => eachContainer(object, ({ resources }) => ({ resources: rewritten(resources) })),
  ],
  [
    "the grace period changes",
    /^(StatefulSet|DaemonSet|Deployment)/,
    set(["spec", "template", "spec", "terminationGracePeriodSeconds"], 7),
  ],
  [
    "claims get another size",
    /^StatefulSet/,
    (object) =>
      changed(object, ["spec", "volumeClaimTemplates"], (claims) =>
        Array.isArray(claims)
          ? (claims as Fields[]).map(set(["spec", "resources", "requests", "storage"], "77Gi"))
          : claims,
      ),
  ],
  [
    "a port changes",
    /^Service /,
    (object) =>
      changed(object, ["spec", "ports"], (ports) => (ports as Fields[]).map((port) => ({ ...port, port: 4444 }))),
  ],
  ["the address changes", /^Service /, set(["spec", "clusterIP"], "10.96.77.77")],
  ["the role is another", /^(Cluster)?RoleBinding/, set(["roleRef", "name"], "other")],
  ["a rule goes", /^(Cluster)?Role /, (object) => changed(object, ["rules"], (rules) => (rules as unknown[]).slice(1))],
  ["its rules go", /^CiliumNetworkPolicy/, set(["spec", "ingress"], [])],
  [
    "it asks for no authentication",
    /^CiliumNetworkPolicy/,
    (object) =>
      changed(object, ["spec", "ingress"], (rules) =>
        Array.isArray(rules) ? (rules as Fields[]).map(({ authentication: _, ...rule }) => rule) : rules,
      ),
  ],
];

/** With the value at a path changed; undefined takes it away. */
export function changed(
  object: unknown,
  [key, ...rest]: readonly string[],
  change: (value: unknown) => unknown,
): Fields {
  const { [key ?? ""]: value, ...others } = isFields(object) ? object : {};
  const next = rest.length === 0 ? change(value) : changed(value, rest, change);
  return next === undefined ? others : { ...others, [key ?? ""]: next };
}

const firstKey = (value: unknown) => (isFields(value) ? (Object.keys(value)[0] ?? "") : "");

function eachContainer(object: Fields, change: (container: Fields) => Fields): Fields {
  return changed(object, ["spec", "template", "spec", "containers"], (containers) =>
    (containers as Fields[]).map((container) => ({ ...container, ...change(container) })),
  );
}

/** CPU in other words: `100m` is `0.1`. */
function rewritten(resources: unknown): unknown {
  const cpu = at(resources, "requests", "cpu");
  const [, thousandths] = /^(\d+)m$/.exec(typeof cpu === "string" ? cpu : "") ?? [];
  return thousandths === undefined
    ? resources
    : changed(resources, ["requests", "cpu"], () => String(Number(thousandths) / 1000));
}
