import type { CertificatesArgs } from "../components/certificates/settings";
import { type CiliumAuthArgs, releaseNamespaceOf } from "../components/cilium/values";
import { ciliumOf, type StackConfig } from "../core/schema/schema";
import { federationOf, knownPeers } from "./federation";
import { installsCilium } from "../core/rollout/phases";
import type { Previous } from "../core/rollout/state";
import { labDatastore } from "../components/spire/addons/labDatabase";
import type { ManagedSpire, SpireArgs } from "../components/spire/settings";
import { serverAddress, spire as names } from "../core/schema/spireNames";

/** The arguments of the component Certificates; undefined where the stack has none. */
export function certificatesArgs({ certificates, spire, trustDomain }: StackConfig): CertificatesArgs | undefined {
  if (!certificates) return undefined;
  const { certManager } = spire.upstreamAuthority ?? {};
  if (!certManager) return certificates;
  const { issuer: name, kind, group } = certManager;
  return { ...certificates, spire: { issuer: { name, kind, group }, trustDomain, duration: spire.ttl.ca } };
}

/** The arguments of the component Spire; undefined where SPIRE is not of this stack. */
export function spireArgs(config: StackConfig, previous: Previous): SpireArgs | undefined {
  const { trustDomain, cluster, spire } = config;
  const { install, agentNamespace, version, size, replicas, skipKubeletVerification, storage, ttl } = spire;
  if (install === "external" || install === "none") return undefined;
  if (install === "bundled") return { install };
  const { requireDigests: _, ...images } = spire.images;
  const federation = federationOf(config, previous);
  const peers = knownPeers(federation, previous);
  const known = <T extends { readonly federatesWith: readonly string[] }>(identity: T): T => ({
    ...identity,
    federatesWith: identity.federatesWith.filter((trustDomain) => peers.includes(trustDomain)),
  });
  return {
    install,
    agentNamespace,
    trustDomain,
    clusterName: cluster.name,
    ...(cluster.cilium ? { ciliumNamespace: cluster.cilium.namespace } : {}),
    version,
    images,
    // What is not said is as it was before there were sizes.
    ...(size === "small" ? {} : { size }),
    replicas,
    datastore: datastoreOf(spire.datastore ?? {}),
    upstreamAuthority: spire.upstreamAuthority ?? {},
    keyManager: spire.keyManager ?? {},
    ...(spire.nodeAttestor ? { nodeAttestor: spire.nodeAttestor } : {}),
    workloads: spire.workloads.map(known),
    entries: spire.entries.map(known),
    ...(federation ? { federation } : {}),
    admissionPolicy: spire.admissionPolicy,
    // Its kind comes with Cilium.
    ...(spire.egressPolicy && !installsCilium(config, previous) ? { egressPolicy: true } : {}),
    monitoring: spire.monitoring,
    oidc: spire.oidc,
    csi: spire.csi,
    skipKubeletVerification,
    storage,
    ttl,
  };
}

function datastoreOf({
  postgres,
  mysql,
  labPostgres,
}: NonNullable<StackConfig["spire"]["datastore"]>): ManagedSpire["datastore"] {
  if (labPostgres) return labDatastore;
  if (postgres) return { type: "postgres", ...postgres };
  return mysql ? { type: "mysql", ...mysql } : { type: "sqlite3" };
}

/** The arguments of the component CiliumAuth. */
export function ciliumArgs({ auth, trustDomain, cluster, spire, baseValues }: StackConfig): CiliumAuthArgs {
  const cilium = ciliumOf(cluster);
  const { sockets } = names;
  const own = { serverAddress, adminSocketPath: sockets.admin, agentSocketPath: sockets.workload };
  const { version, chart, delivery } = cilium;
  return {
    enabled: auth,
    delivery,
    releaseNamespace: releaseNamespaceOf(cilium),
    spire: { trustDomain, ...((spire.install === "external" ? spire.external : undefined) ?? own) },
    ...(spire.install === "bundled"
      ? { bundled: { storage: spire.storage, skipKubeletVerification: spire.skipKubeletVerification } }
      : {}),
    ...(delivery === "helm"
      ? { release: { version, baseValues: baseValues ?? {}, ...(chart === undefined ? {} : { chart }) } }
      : {}),
  };
}
