import { describe, expect, test } from "vitest";
import { objectOf, planned, specOf, withCertificates } from "./fixture";

const all = [withCertificates()];

describe("a workload's certificate", () => {
  test("is for its Service by all its names, for a day, renewed eight hours before, with another key each time", () => {
    expect(specOf(all, "Certificate team-backend/backend-service-tls")).toEqual({
      secretName: "backend-service-tls",
      duration: "24h",
      renewBefore: "8h",
      privateKey: { algorithm: "ECDSA", size: 384, rotationPolicy: "Always" },
      subject: { organizations: ["company.com"] },
      dnsNames: [
        "backend-service",
        "backend-service.team-backend",
        "backend-service.team-backend.svc",
        "backend-service.team-backend.svc.cluster.local",
      ],
      usages: ["digital signature", "server auth", "client auth"],
      issuerRef: { name: "apps-ca", kind: "ClusterIssuer", group: "cert-manager.io" },
    });
  });

  test("has no common name, so that the longest names of a Service fit", () => {
    const service = "s".repeat(63);
    const long = [
      withCertificates({ workloads: [{ name: "long", namespace: "n".repeat(63), service, issuer: "apps-ca" }] }),
    ];
    const spec = specOf(long, `Certificate ${"n".repeat(63)}/long`) as { commonName?: string; dnsNames: string[] };
    expect(spec.commonName).toBeUndefined();
    expect(spec.dnsNames.at(-1)).toBe(`${service}.${"n".repeat(63)}.svc.cluster.local`);
  });

  test("ends with the cluster's domain, and has the names beside those", () => {
    const other = [withCertificates({ clusterDomain: "apps.corp" })];
    expect(specOf(other, "Certificate billing/batch-tls")).toMatchObject({
      dnsNames: ["batch", "batch.billing", "batch.billing.svc", "batch.billing.svc.apps.corp", "batch.internal"],
    });
  });

  test.each([
    ["12h", "4h"],
    ["25h", "30000s"],
    ["90m", "30m"],
  ])("of %s is renewed when %s are left", (duration, renewBefore) => {
    const other = [
      withCertificates({ workloads: [{ name: "a", namespace: "b", service: "c", issuer: "vault", duration }] }),
    ];
    expect(specOf(other, "Certificate b/a")).toMatchObject({ duration, renewBefore });
  });

  test("of a public CA lives as long as that gives, for servers, under public names alone", () => {
    expect(specOf(all, "Certificate shop/shop-tls")).toEqual({
      secretName: "shop-tls",
      privateKey: { algorithm: "ECDSA", size: 384, rotationPolicy: "Always" },
      dnsNames: ["shop.example.com"],
      usages: ["digital signature", "server auth"],
      issuerRef: { name: "letsencrypt", kind: "ClusterIssuer", group: "cert-manager.io" },
    });
  });

  test("names another signer by its group and kind", () => {
    expect(specOf(all, "Certificate billing/batch-tls")).toMatchObject({
      renewBefore: "2h",
      issuerRef: { name: "corporate", kind: "AWSPCAClusterIssuer", group: "awspca.cert-manager.io" },
    });
  });

  test("comes after its issuer, and after no other", () => {
    const { after } = objectOf(all, "Certificate team-backend/backend-service-tls");
    expect(after).toContain("certificates-issuer-apps-ca.issuer");
    expect(after.filter((name) => /vault|letsencrypt/.test(name))).toEqual([]);
  });
});

describe("the roots", () => {
  const trust = {
    roots: ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"],
    namespaceLabels: { "example.com/team": "orders" },
  };

  test("are those of the CAs here and those that are named, as a ConfigMap of the namespaces that are meant", () => {
    expect(specOf([withCertificates({ trust })], "Bundle zero-trust-roots")).toEqual({
      sources: [{ secret: { name: "apps-ca-ca", key: "ca.crt" } }, { inLine: trust.roots[0] }],
      target: {
        configMap: { key: "ca.crt" },
        namespaceSelector: { matchLabels: { "example.com/team": "orders" } },
      },
    });
    expect(specOf([withCertificates({ trust: {} })], "Bundle zero-trust-roots")).toMatchObject({
      target: { configMap: { key: "ca.crt" } },
    });
  });

  test("are distributed where somebody wants them, and nowhere else", () => {
    expect(planned(all).objects.filter(({ manifest }) => manifest.kind === "Bundle")).toEqual([]);
  });
});
