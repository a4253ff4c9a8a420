import type { CertificatesConfig } from "../../core/schema/schema";

/** What the component is made from: the configuration, and who else asks cert-manager for certificates. */
export type CertificatesArgs = CertificatesConfig & {
  /** SPIRE, where cert-manager signs its servers' CAs. */
  readonly spire?: SpireRequests | undefined;
};

/** What SPIRE's servers ask for: a CA each. */
export interface SpireRequests {
  readonly issuer: IssuerRef;
  readonly trustDomain: string;
  /** Of the CA, as a Go duration. */
  readonly duration: string;
}

/** How cert-manager's objects name an issuer. */
export interface IssuerRef {
  readonly name: string;
  readonly kind: string;
  readonly group: string;
}

export type Issuer = CertificatesArgs["issuers"][string];
export type Workload = CertificatesArgs["workloads"][number];

/** The label `app.kubernetes.io/name` on all that is made for it. */
export const component = "zero-trust-certificates";

const group = "cert-manager.io";

/** One of the configured issuers, as certificates refer to it. */
export const issuerRef = ({ issuers }: CertificatesArgs, name: string): IssuerRef => ({
  name,
  ...(issuers[name]?.existing ?? { kind: "ClusterIssuer", group }),
});

/** The issuer of a CA that signs itself. */
export const selfSignedOf = (name: string): IssuerRef => ({ name: `${name}-selfsigned`, kind: "ClusterIssuer", group });

/** The Secret in cert-manager's namespace with the certificate and the key of an issuer's CA. */
export const caSecretOf = (name: string) => `${name}-ca`;

/** Whose tokens cert-manager shows to a cloud or to Vault on an issuer's behalf. */
export const accountOf = (name: string) => `issuer-${name}`;

/** Whether the issuer has such an account. */
export const hasAccount = ({ acme, vault }: Issuer): boolean =>
  vault !== undefined || (acme?.solvers.some(({ route53 }) => route53) ?? false);
