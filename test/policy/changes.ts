import { ciliumOf } from "../../core/schema/schema";
import { loadConfig } from "../../config/load";
import { readStackFile } from "../../config/stackFile";
import type { KubernetesObject } from "../../core/util/kubernetes";
import type { Edge, Facts, ProviderFact } from "../../policy/facts/facts";
import { goodAssignments, goodFacts, root } from "../support/stacks";

/** The ways in which the mutations change the good facts, each a function from facts to facts, and the objects that they add. */

export const withConfig =
  (...assignments: string[]) =>
  (facts: Facts): Facts => {
    // What the good facts have beside the stack file, for a SPIRE that has volumes.
    const more = assignments.some((text) => text.startsWith("spire.install=")) ? [] : ["spire.storage.className=local"];
    return { ...facts, config: loadConfig(readStackFile(root, "apps", [...more, ...assignments]), "apps") };
  };
export const withObject =
  (object: KubernetesObject) =>
  (facts: Facts): Facts => ({ ...facts, objects: [...facts.objects, object] });
export const withChanged =
  (kind: string, name: string, change: (json: string) => string) =>
  (facts: Facts): Facts => ({
    ...facts,
    objects: facts.objects.map((o) =>
      o.kind === kind && o.metadata.name === name ? (JSON.parse(change(JSON.stringify(o))) as KubernetesObject) : o,
    ),
  });
export const both =
  (first: (facts: Facts) => Facts, second: (facts: Facts) => Facts) =>
  (facts: Facts): Facts =>
    second(first(facts));

/** A TCP port that no intent is about. */
export const toPorts = [{ ports: [{ port: "7000", protocol: "TCP" }] }];
/** A Cilium policy with one rule that demands authentication. */
export const policy = (rule: object, overrides: Partial<KubernetesObject> = {}): KubernetesObject => ({
  apiVersion: "cilium.io/v2",
  kind: "CiliumNetworkPolicy",
  metadata: { name: "extra", namespace: "orders" },
  spec: { endpointSelector: {}, ingress: [{ toPorts, authentication: { mode: "required" }, ...rule }] },
  ...overrides,
});
export const named = { fromEndpoints: [{ matchLabels: { app: "web" } }] };
export const clusterwide = (endpointSelector: object): KubernetesObject =>
  policy(
    {},
    {
      kind: "CiliumClusterwideNetworkPolicy",
      metadata: { name: "extra" },
      spec: { endpointSelector, ingress: [{ ...named, toPorts, authentication: { mode: "required" } }] },
    },
  );
export const budget = (spec: object): KubernetesObject => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name: "spire-server", namespace: "spire" },
  spec: { selector: { matchLabels: { "app.kubernetes.io/name": "spire-server" } }, ...spec },
});
export const ttl = (key: string, value: string) =>
  withChanged("ConfigMap", "spire-server", (json) =>
    json.replace(new RegExp(`(${key}\\\\": \\\\")[^"\\\\]*`), `$1${value}`),
  );
export const entry = (name: string, change: (json: string) => string) =>
  withChanged("ClusterStaticEntry", name, change);
export const serverConf = (from: string | RegExp, to: string) =>
  withChanged("ConfigMap", "spire-server", (json) => json.replace(from, to));
export const agentConf = (from: string | RegExp, to: string) =>
  withChanged("ConfigMap", "spire-agent", (json) => json.replace(from, to));
export const agents = (from: string | RegExp, to: string | ((found: string) => string)) =>
  withChanged("DaemonSet", "spire-agent", (json) => json.replace(from, to as string));
export const without =
  (kind: string, name?: string) =>
  (facts: Facts): Facts => ({
    ...facts,
    objects: facts.objects.filter((o) => o.kind !== kind || (name !== undefined && o.metadata.name !== name)),
  });
export const server = (from: string | RegExp, to: string) =>
  withChanged("StatefulSet", "spire-server", (json) => json.replace(from, to));
export const withEdges =
  (change: (edges: readonly Edge[]) => readonly Edge[]) =>
  (facts: Facts): Facts => ({ ...facts, edges: change(facts.edges) });
export const withProvider =
  (change: Partial<ProviderFact>) =>
  (facts: Facts): Facts => ({ ...facts, providers: facts.providers.map((provider) => ({ ...provider, ...change })) });
/** Only what decides: another version would be another configuration error. */
export const withCilium =
  (version: string) =>
  (facts: Facts): Facts => {
    const { cluster } = facts.config;
    return {
      ...facts,
      config: { ...facts.config, cluster: { ...cluster, cilium: { ...ciliumOf(cluster), version } } },
    };
  };
/** The facts of the update that turns the flag, instead of the good ones. */
export const withFlag = (auth: boolean) => (): Facts => goodFacts({ from: auth ? "off" : "on", auth });
/** The flag off, with everything else as it is on the way on. */
export const withAuthOff = (facts: Facts): Facts => ({ ...facts, config: { ...facts.config, auth: false } });
export const allowPolicy = "access-orders-zero-trust";
/** The namespace's policy with other specifications: the allow rule, and then the default deny. */
export const withSpecs = (change: (specs: readonly object[]) => readonly object[]) =>
  withChanged("CiliumNetworkPolicy", "zero-trust", (json) => {
    const policy = JSON.parse(json) as { specs: object[] };
    return JSON.stringify({ ...policy, specs: change(policy.specs) });
  });
/** The stack with other names of policies recorded of the namespace orders. */
export const withRecorded =
  (policies: string) =>
  (facts: Facts): Facts => {
    const { state } = facts.previous === "unknown" ? {} : facts.previous;
    if (!state?.objects) throw new Error("these facts have no record of objects");
    const objects = { ...state.objects, policies: { ...state.objects.policies, orders: policies } };
    return { ...facts, previous: { ...(facts.previous as object), state: { ...state, objects } } };
  };
/** Cilium's values with a part of their JSON replaced. */
export const values =
  (from: string | RegExp, to: string) =>
  (facts: Facts): Facts => ({
    ...facts,
    releases: facts.releases.map((release) => ({
      ...release,
      values: JSON.parse(JSON.stringify(release.values).replace(from, to)) as unknown,
    })),
  });
/** The agents' image with a part of it replaced. */
export const images = (from: string | RegExp, to: string) =>
  agents(/"image":"[^"]*"/, (image) => image.replace(from, to));
/** The stack with a CSI driver, its DaemonSet changed. */
export const csi =
  (from: string | RegExp = "", to = "") =>
  (): Facts => {
    const digest = `@sha256:${"0".repeat(64)}`;
    const images = { csiDriver: "spiffe/spiffe-csi-driver:0.2.13", csiRegistrar: "registrar:v2.16.0" };
    const pinned = Object.entries(images).map(([key, image]) => `spire.images.${key}=registry.corp/${image}${digest}`);
    const facts = goodFacts(undefined, [...goodAssignments, "spire.csi={}", ...pinned]);
    return withChanged("DaemonSet", "spiffe-csi-driver", (json) => json.replace(from, to))(facts);
  };
/** The stack with agents that attest once, changed. */
export const onAws =
  (change = (facts: Facts) => facts) =>
  (): Facts => {
    const assignments = ["spire.nodeAttestor.awsIid.selectors[0]=tag:cluster:apps", "spire.ttl.agent=24h"];
    return change(goodFacts(undefined, [...goodAssignments, ...assignments]));
  };
export const pod = { containers: [{ name: "main", image: "busybox" }] };
export const workload = (kind: string, spec: object): KubernetesObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "extra", namespace: "jobs" },
  spec,
});
export const ports = (...ports: object[]) => withObject(policy({ ...named, toPorts: [{ ports }] }));
export const token = (seconds: number) =>
  withChanged("DaemonSet", "spire-agent", (json) => json.replace("7200", String(seconds)));
/** Cilium's values as all that its chart gets, encrypted unless told otherwise, with more of them. */
export const withValues =
  (more: object) =>
  (facts: Facts): Facts => ({
    ...facts,
    releases: facts.releases.map((release) => ({
      ...release,
      complete: true,
      values: { ...(release.values as object), encryption: { enabled: true, type: "wireguard" }, ...more },
    })),
  });
/** An object with the same metadata each time. */
export const extra = (apiVersion: string, kind: string, rest: object, namespace = "orders"): KubernetesObject => ({
  apiVersion,
  kind,
  metadata: { name: "extra", namespace },
  ...rest,
});
/** The stack with the SPIRE of Cilium's chart instead of its own, and with other values of it. */
export const bundled = (install: object) => (): Facts => {
  const facts = goodFacts({ from: "on", auth: true }, ["spire.install=bundled"]);
  const more = { authentication: { mutual: { spire: { install } } } };
  return {
    ...facts,
    releases: facts.releases.map((release) => ({ ...release, values: merged(release.values, more) })),
  };
};
/** Objects merged key by key; anything else is replaced. */
function merged(own: unknown, other: unknown): unknown {
  const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(own) || !isObject(other)) return other;
  const entries = Object.entries(other as object).map(([key, value]) => [
    key,
    merged((own as Record<string, unknown>)[key], value),
  ]);
  return { ...(own as object), ...Object.fromEntries(entries) };
}
