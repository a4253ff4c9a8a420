import { expect } from "vitest";
import { describeObject, type PlannedObject } from "../../../core/util/kubernetes";
import { plan } from "../../../plan/plan";
import type { PlannedComponent } from "../../../plan/planned";
import { configOf } from "../../support/stacks";

/** A stack's certificates with every kind of issuer, after the patterns that users come with. */
export const certificates = {
  install: "managed",
  issuers: {
    "apps-ca": { ca: { commonName: "apps-ca" } },
    letsencrypt: {
      acme: {
        server: "https://acme-v02.api.letsencrypt.org/directory",
        email: "platform@example.com",
        solvers: [
          { dnsZones: ["example.com"], ingress: { className: "cilium" } },
          { dnsZones: ["shop.example.com"], gateway: { name: "public", namespace: "ingress" } },
          {
            dnsZones: ["corp.example.com"],
            route53: {
              role: "arn:aws:iam::123456789012:role/cert-manager",
              region: "us-east-1",
              hostedZoneId: "Z1PA6795UKMFR9",
            },
          },
        ],
      },
    },
    vault: {
      vault: {
        server: "https://vault.vault.svc:8200",
        path: "pki/sign/workloads",
        role: "cert-manager",
        caSecret: "vault-ca",
      },
    },
    corporate: { existing: { kind: "AWSPCAClusterIssuer", group: "awspca.cert-manager.io" } },
  },
  workloads: [
    {
      name: "backend-service-tls",
      namespace: "team-backend",
      service: "backend-service",
      issuer: "apps-ca",
      organizations: ["company.com"],
    },
    { name: "shop-tls", namespace: "shop", dnsNames: ["shop.example.com"], issuer: "letsencrypt" },
    { name: "wildcard-tls", namespace: "shop", dnsNames: ["*.corp.example.com"], issuer: "letsencrypt" },
    { name: "ledger-tls", namespace: "billing", service: "ledger", issuer: "vault", duration: "12h" },
    {
      name: "batch-tls",
      namespace: "billing",
      service: "batch",
      dnsNames: ["batch.internal"],
      issuer: "corporate",
      renewBefore: "2h",
    },
  ],
} as const;

/** Given to `--set`, or as a part of assignments: these certificates, changed. */
export const withCertificates = (changes: object = {}): string =>
  `certificates=${JSON.stringify({ ...certificates, ...changes })}`;

/** The authority above SPIRE's servers: the CA among those issuers. */
export const spireBelow = [
  "spire.upstreamAuthority.certManager.issuer=apps-ca",
  "spire.upstreamAuthority.certManager.kind=ClusterIssuer",
];

/** The component that the stack apps plans, with assignments as `--set` takes them. */
export function planned(assignments: readonly string[]): PlannedComponent & { kind: "Certificates" } {
  const found = plan(configOf("apps", ...assignments), {}).components.find(({ kind }) => kind === "Certificates");
  return found?.kind === "Certificates" ? found : expect.fail("no certificates are planned");
}

/** One of its objects, as `Certificate team-backend/backend-service-tls`. */
export const objectOf = (assignments: readonly string[], name: string): PlannedObject =>
  planned(assignments).objects.find(({ manifest }) => describeObject(manifest) === name) ?? expect.fail(name);

export const specOf = (assignments: readonly string[], name: string): unknown =>
  objectOf(assignments, name).manifest["spec"];

/** What is wrong with a configuration, a line for each problem: its key, what is allowed. */
export function problemOf(...assignments: string[]): string {
  try {
    configOf("apps", ...assignments);
    return "none";
  } catch (error) {
    return String(error);
  }
}
