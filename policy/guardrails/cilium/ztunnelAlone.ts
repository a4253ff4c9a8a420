import { describeObject, type KubernetesObject } from "../../../core/util/kubernetes";
import { few } from "../../../core/util/few";
import { ciliumRules, demandingRules, isCiliumPolicy, portsOf } from "../../rules/ciliumPolicy";
import { extraOf, inValues, valueOf } from "../../rules/ciliumValues";
import type { Facts, Release } from "../../facts/facts";
import type { Guardrail, Violation } from "../../rules/guardrail";
import { listOf, recordOf } from "../../rules/values";

export const ztunnelAlone: Guardrail = {
  name: "ztunnel-alone",
  description:
    "Cilium's ztunnel is on only where nothing is left that it would void: authentication, policies by port or request, a ClusterMesh; and where namespaces are enrolled, it is on.",
  severity: "mandatory",
  prevents:
    "Policies that silently mean something else: with ztunnel they match none but its own port, so that a default deny denies everybody, no proxy reads requests and nobody authenticates, and in a ClusterMesh Cilium's agents do not start. And an enrolled namespace whose pods call in clear, since without ztunnel its label does nothing (cilium Documentation/security/network/encryption-ztunnel.rst, operator/auth/watcher.go, pkg/ztunnel/cell.go).",
  remediation:
    "Keep encryption.type wireguard, or first turn auth off and take each namespace to off; enrol namespaces once ztunnel is on, and take the label away before it goes off (docs/ztunnel.md).",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkStack: (facts) => [
    ...facts.releases.flatMap((release) => {
      const key = ztunnelKey(release);
      return key === undefined ? [] : voided(facts, release).map((message) => at(release, key, message));
    }),
    ...(isOff(facts) ? enrolledIn(facts).map(inVain) : []),
  ],
  undecided: (facts) => {
    const enrolled = enrolledIn(facts);
    if (enrolled.length === 0 || isOff(facts) || facts.releases.some((release) => ztunnelKey(release)))
      return undefined;
    return `whether Cilium's values turn ztunnel on, in which ${few(enrolled)} ${enrolled.length === 1 ? "is" : "are"} enrolled: others write them`;
  },
};

const at = (release: Release, key: string, message: string): Violation => ({
  where: inValues(release, key),
  message: `turns ztunnel on, ${message}; write wireguard, or go the way of docs/ztunnel.md`,
});

/** Whether all values of Cilium's chart are known, and none turns ztunnel on. */
const isOff = ({ releases }: Facts) =>
  releases.some(({ complete }) => complete) && releases.every((release) => ztunnelKey(release) === undefined);

/** The namespaces whose pods are to be in ztunnel, by the configuration or by their label. */
function enrolledIn({ config: { mesh, rollout }, objects }: Facts): string[] {
  const configured = mesh?.ztunnel ? Object.keys(rollout.phases).filter((name) => rollout.phases[name] !== "off") : [];
  const labelled = objects.filter(
    ({ kind, metadata }) => kind === "Namespace" && recordOf(metadata.labels)["io.cilium/mtls-enabled"] === "true",
  );
  return [...new Set([...configured, ...labelled.map(({ metadata }) => metadata.name)])].sort();
}

const inVain = (namespace: string): Violation => ({
  where: `Namespace ${namespace}`,
  namespace,
  message:
    "is enrolled in ztunnel, which Cilium's values do not turn on, so that its pods call in clear; write encryption.enabled true and encryption.type ztunnel there, or take its label io.cilium/mtls-enabled away",
  severity: "advisory",
});

/** By which value ztunnel is on; undefined where it is not. */
function ztunnelKey(release: Release): string | undefined {
  const extra = extraOf(release, "enable-ztunnel");
  if (extra !== undefined) return extra === "true" ? "extraConfig.enable-ztunnel" : undefined;
  const on = valueOf(release, "encryption.enabled") === true && valueOf(release, "encryption.type") === "ztunnel";
  return on ? "encryption.type" : undefined;
}

/** What it takes away, each with what has it. */
function voided({ config: { auth, cluster }, objects }: Facts, release: Release): string[] {
  const policies = objects.filter(isCiliumPolicy);
  const clusterMesh =
    cluster.cilium?.clusterMesh === true ||
    valueOf(release, "clustermesh.useAPIServer") === true ||
    valueOf(release, "clustermesh.config.enabled") === true;
  const losses: readonly (readonly [what: string, of: (policy: KubernetesObject) => boolean])[] = [
    ["beside which a demand for authentication does nothing", (policy) => demandingRules(policy).length > 0],
    ["beside which nothing reads requests", hasRequests],
    ["beside which a rule by port matches nothing, and its default deny denies everybody", hasPorts],
  ];
  return [
    ...(auth ? ["beside which Cilium authenticates nobody, but auth is on"] : []),
    ...losses.flatMap(([what, of]) => {
      const names = policies.filter(of).map(describeObject);
      return names.length === 0 ? [] : [`${what}: ${few(names)}`];
    }),
    ...(clusterMesh ? ["in a ClusterMesh, where Cilium's agents do not start with it"] : []),
  ];
}

/** Whether a rule is about what is said in a connection. */
const hasRequests = (policy: KubernetesObject) =>
  ciliumRules(policy).some(({ rule }) =>
    listOf(rule["toPorts"]).some((entry) => recordOf(entry)["rules"] !== undefined),
  );

const hasPorts = (policy: KubernetesObject) =>
  ciliumRules(policy).some(({ rule }) => portsOf(rule).some(({ port }) => String(port) !== "15008"));
