import { describeObject, type KubernetesObject } from "../../components/kubernetes";
import { some } from "../../components/few";
import { ciliumRules, demandingRules, isCiliumPolicy, portsOf } from "../ciliumPolicy";
import { extraOf, inValues, valueOf } from "../ciliumValues";
import type { Facts, Release } from "../facts";
import type { Guardrail, Violation } from "../guardrail";
import { listOf, recordOf } from "../values";

export const ztunnelAlone: Guardrail = {
  name: "ztunnel-alone",
  description:
    "Cilium's ztunnel is on only where nothing is left that it would void: authentication, policies by port or request, a ClusterMesh.",
  severity: "mandatory",
  prevents:
    "Policies that silently mean something else: with ztunnel they match none but its own port, so that a default deny denies everybody, no proxy reads requests and nobody authenticates, and in a ClusterMesh Cilium's agents do not start (cilium Documentation/security/network/encryption-ztunnel.rst, operator/auth/watcher.go, pkg/ztunnel/cell.go).",
  remediation:
    "Keep encryption.type wireguard, or first turn auth off and take each namespace to off (docs/ztunnel.md).",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkStack: (facts) =>
    facts.releases.flatMap((release) => {
      const key = ztunnelKey(release);
      return key === undefined ? [] : voided(facts, release).map((message) => at(release, key, message));
    }),
};

const at = (release: Release, key: string, message: string): Violation => ({
  where: inValues(release, key),
  message: `turns ztunnel on, ${message}; write wireguard, or go the way of docs/ztunnel.md`,
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
      return names.length === 0 ? [] : [`${what}: ${some(names)}`];
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
