import * as z from "zod";
import {
  boolean,
  choice,
  duration,
  formed,
  json,
  name,
  namespace,
  object,
  oneOf,
  path,
  region,
  secretIn,
  some,
  text,
  url,
} from "./fields";

/** What cert-manager issues, and who signs it (docs/certificates.md). */

const dnsName = text(
  /^(?=.{1,253}$)(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/,
  "a DNS name in lower case",
  "api.example.com",
);

/** How an ACME issuer shows that the names of some zones are ours: by one way. */
const solver = formed(
  {
    /** The zones for whose names it answers. Of several solvers the one with the longest zone does. */
    dnsZones: some(dnsName, { allowed: "a DNS zone", example: "example.com" }),
    /** HTTP-01, by Ingresses of a class. */
    ingress: object({
      className: text(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, "the name of an IngressClass", "cilium"),
    }).optional(),
    /** HTTP-01, by HTTPRoutes of a Gateway, of whose kind the cluster has to know before cert-manager starts. */
    gateway: object({ name, namespace }).optional(),
    /** DNS-01, in Route 53. */
    route53: object({
      /** An IAM role that trusts the cluster's web identity for the service account issuer-<issuer> in cert-manager's namespace. */
      role: text(
        /^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/,
        "the ARN of an IAM role, whose account has 12 digits",
        "arn:aws:iam::123456789012:role/cert-manager",
      ),
      region: region.optional(),
      /** @default the zone that AWS finds by its name */
      hostedZoneId: text(/^Z[A-Z0-9]{1,31}$/, "the id of a hosted zone", "Z1PA6795UKMFR9").optional(),
    }).optional(),
  },
  ({ dnsZones: _, ...ways }) =>
    Object.keys(ways).length === 1
      ? []
      : [{ path: [], allowed: "one of ingress, gateway, route53 beside dnsZones", example: solverExample }],
  { allowed: "dnsZones, and one of ingress, gateway, route53", example: '{"dnsZones":["example.com"],"route53":{…}}' },
);
const solverExample = '{"dnsZones":["example.com"],"ingress":{"className":"cilium"}}';

/** Who signs: a ClusterIssuer of its name. */
const issuer = oneOf({
  /** A CA of this cluster's own: a certificate that signs itself, in cert-manager's namespace, and the issuer that signs with it. */
  ca: object({
    /** @default the issuer's name */
    commonName: text(/^[^\s,=+"\\<>;#]{1,64}$/, "a common name of at most 64 letters", "apps-ca").optional(),
    /** How long the CA lives. What it signs may live for a third of that, so that it ends before its CA. */
    duration: duration("87600h").default("87600h"),
  }).optional(),
  /** A public CA, Let's Encrypt say, for names that the world knows. */
  acme: object({
    server: url("the ACME server's directory", "https://acme-v02.api.letsencrypt.org/directory"),
    /** Whom the CA warns. */
    email: text(/^[^\s@]+@[^\s@]+$/, "an e-mail address", "platform@example.com").optional(),
    solvers: some(solver, { allowed: "a solver", example: solverExample }),
  }).optional(),
  /** The engine pki of Vault or OpenBao, as the service account issuer-<issuer> in cert-manager's namespace. */
  vault: object({
    server: url("Vault", "https://vault.vault.svc:8200"),
    /** Of the pki's role that signs. */
    path: path("pki/sign/workloads"),
    /** The role of the auth method for Kubernetes. */
    role: path("cert-manager"),
    /** Where the auth method is mounted. */
    authMount: path("kubernetes").default("kubernetes"),
    /** Of Vault Enterprise. */
    namespace: path("platform").optional(),
    /** A Secret in cert-manager's namespace with Vault's CA as ca.crt. @default the CAs in cert-manager's image */
    caSecret: secretIn("cert-manager's namespace", "vault-ca").optional(),
  }).optional(),
  /** One that is there already, cert-manager's or of another signer. */
  existing: object({
    kind: text(/^[A-Z]\w*$/, "a kind", "ClusterIssuer").default("ClusterIssuer"),
    group: text(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, "an API group", "cert-manager.io").default("cert-manager.io"),
  }).optional(),
});

/** A certificate of a workload's, in a Secret of its name. */
const workload = object({
  /** Of the Certificate, and of the Secret with tls.crt, tls.key and ca.crt. */
  name,
  namespace,
  /** The Service whose names it has, as the cluster's DNS knows them. Not with an ACME issuer. */
  service: name.optional(),
  /** Names beside those. */
  dnsNames: json(z.array(dnsName)).prefault([]),
  /** One of `issuers`. */
  issuer: name,
  /** The organizations in its subject. */
  organizations: json(z.array(text(/^\S(.{0,62}\S)?$/, "a name of at most 64 letters", "example.com"))).prefault([]),
  /** @default 24h; with an ACME issuer what that gives */
  duration: duration("24h").optional(),
  /** @default a third of the duration: 8h */
  renewBefore: duration("8h").optional(),
});

const labels = json(z.record(z.string(), z.string()));

/** The version of cert-manager whose rules the guardrails have, and that is installed unless the configuration names another. */
export const defaultCertManagerVersion = "1.21.2";

export const certificates = object({
  /** `managed`: this program installs cert-manager, as a Helm release of its own. `external`: it is there already. */
  install: choice("managed", "external"),
  /** cert-manager's namespace, where it looks for what ClusterIssuers need (its flag --cluster-resource-namespace). */
  namespace: namespace.default("cert-manager"),
  version: text(/^\d+\.\d+\.\d+$/, "a full version, as in 1.21.2", defaultCertManagerVersion).default(
    defaultCertManagerVersion,
  ),
  /** The chart: an oci:// reference, or a folder. @default oci://quay.io/jetstack/charts/cert-manager */
  chart: text(
    /^(oci:\/\/)?[\w./:@-]+$/,
    "an oci:// reference or a folder",
    "oci://registry.corp/charts/cert-manager",
  ).optional(),
  /** Values for the chart beside ours: a private registry's, say. */
  values: json(z.record(z.string(), z.unknown())).prefault({}),
  /** With `external`, the service account of its controller. */
  serviceAccount: name.default("cert-manager"),
  /** What the names of the cluster's Services end with. */
  clusterDomain: dnsName.default("cluster.local"),
  issuers: json(z.record(name, issuer)).prefault({}),
  workloads: json(z.array(workload)).prefault([]),
  /** The roots, as a ConfigMap in every namespace: by a Bundle of trust-manager, which has to be there. @default none */
  trust: object({
    /** Of the Bundle and the ConfigMaps, whose key is ca.crt. */
    name: name.default("zero-trust-roots"),
    /** Roots in PEM beside those of the issuers with `ca`: one that is on its way out, or that of Vault. */
    roots: json(
      z.array(
        text(
          /^\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/,
          "a certificate in PEM",
          "$(cat root.pem)",
        ),
      ),
    ).prefault([]),
    /** Labels of the namespaces that get them. @default all namespaces */
    namespaceLabels: labels.prefault({}),
  }).optional(),
  /** With `mesh.linkerd`: its roots, by trust-manager too, and what signs its proxies' certificates. @default what Linkerd was installed with */
  linkerd: object({
    /** Linkerd's own, which has to be there. */
    namespace: namespace.default("linkerd"),
    /** The roots, by names of your own. Of several all are trusted, and one signs. */
    anchors: json(
      z
        .array(name)
        .min(1)
        .refine((names) => new Set(names).size === names.length),
    )
      .meta({ allowed: "one or more names, each once", example: '["first"]' })
      .prefault(["first"]),
    /** Which of them signs. @default the first of the list */
    signer: name.optional(),
  }).optional(),
  /** Whether approver-policy, which has to be there, approves what is asked for here, and cert-manager nothing by itself. */
  approval: boolean("true").default(false),
});
