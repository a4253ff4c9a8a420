import { serviceNames } from "../../core/util/dnsNames";
import { owned, type KubernetesObject } from "../../core/util/kubernetes";
import { apiVersion } from "./issuers";
import { component, issuerRef, type CertificatesArgs, type Workload } from "./settings";

/** The names in a workload's certificate. */
export const namesOf = ({ clusterDomain }: CertificatesArgs, { service, namespace, dnsNames }: Workload): string[] => [
  ...(service === undefined ? [] : serviceNames(service, namespace, clusterDomain)),
  ...dnsNames,
];

/** What a workload's key may be used for. Public CAs no longer vouch for clients. */
export const usagesOf = ({ issuers }: CertificatesArgs, { issuer }: Workload): string[] => [
  "digital signature",
  "server auth",
  ...(issuers[issuer]?.acme ? [] : ["client auth"]),
];

/** How long it lives, as a Go duration; undefined where its CA alone decides. */
export const durationOf = (
  { issuers }: CertificatesArgs,
  { issuer, duration = "24h" }: Workload,
): string | undefined => (issuers[issuer]?.acme ? undefined : duration);

/**
 * A workload's certificate, and the Secret of its name that cert-manager keeps it in. It has no common name: that holds 64 letters, which the name of a Service may
 * exceed, and nobody reads it any more. Renewed when a third of its life is left, unless the configuration says otherwise, each time with another key.
 */
export function workloadCertificate(args: CertificatesArgs, workload: Workload): KubernetesObject {
  const { name, namespace, issuer, organizations, renewBefore } = workload;
  const duration = durationOf(args, workload);
  const before = renewBefore ?? (duration === undefined ? undefined : thirdOf(duration));
  return {
    apiVersion,
    kind: "Certificate",
    metadata: { name, namespace, ...owned(component) },
    spec: {
      secretName: name,
      ...(duration === undefined ? {} : { duration }),
      ...(before === undefined ? {} : { renewBefore: before }),
      privateKey: { algorithm: "ECDSA", size: 384, rotationPolicy: "Always" },
      ...(organizations.length > 0 ? { subject: { organizations } } : {}),
      dnsNames: namesOf(args, workload),
      usages: usagesOf(args, workload),
      issuerRef: issuerRef(args, issuer),
    },
  };
}

/** A third of a duration in one unit, as a Go duration: of 24h 8h. */
function thirdOf(duration: string): string {
  const [amount, unit] = [Number.parseInt(duration, 10), duration.slice(-1)];
  if (amount % 3 === 0) return `${amount / 3}${unit}`;
  const seconds = amount * ({ h: 3600, m: 60 }[unit] ?? 1);
  return `${Math.floor(seconds / 3)}s`;
}
