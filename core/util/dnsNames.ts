/** Top-level domains that nobody can get a name in: RFC 6761, 6762, 7686 and 8375, and ICANN's `internal`. */
const special = ["local", "localhost", "internal", "test", "example", "invalid", "onion", "home.arpa"];

/**
 * Whether a name means something inside the cluster or the company alone, so that no public CA issues for it: a name without a dot, what ends with `.svc` or
 * the cluster's domain, and what is reserved for private use.
 */
export function isInternalName(name: string, clusterDomain = "cluster.local"): boolean {
  const ends = ["svc", clusterDomain, ...special];
  return !name.replace(/^\*\./, "").includes(".") || ends.some((end) => name === end || name.endsWith(`.${end}`));
}

/** Whether a name is a zone's own or below it. */
export const isInZone = (name: string, zone: string): boolean => {
  const bare = name.replace(/^\*\./, "");
  return bare === zone || bare.endsWith(`.${zone}`);
};

/** The names of a Service, as pods of its namespace, of others, and everybody who asks the cluster's DNS know it. */
export function serviceNames(service: string, namespace: string, clusterDomain: string): string[] {
  const there = `${service}.${namespace}`;
  return [service, there, `${there}.svc`, `${there}.svc.${clusterDomain}`];
}
