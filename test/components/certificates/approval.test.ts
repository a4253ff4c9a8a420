import { describe, expect, test } from "vitest";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { objectOf, planned, specOf, spireBelow, withCertificates } from "./fixture";

const approved = [withCertificates({ approval: true }), ...spireBelow];
const policies = (assignments: readonly string[]): KubernetesObject[] =>
  planned(assignments)
    .objects.map(({ manifest }) => manifest)
    .filter(({ kind }) => kind === "CertificateRequestPolicy");

describe("with approval", () => {
  test("a namespace may ask an issuer for the names of its certificates, for as long as they live, and for no CA", () => {
    expect(specOf(approved, "CertificateRequestPolicy zero-trust-workloads-team-backend.apps-ca")).toEqual({
      allowed: {
        dnsNames: {
          values: [
            "backend-service",
            "backend-service.team-backend",
            "backend-service.team-backend.svc",
            "backend-service.team-backend.svc.cluster.local",
          ],
          required: true,
        },
        subject: { organizations: { values: ["company.com"] } },
        usages: ["digital signature", "server auth", "client auth"],
      },
      constraints: { maxDuration: "24h", privateKey: { algorithm: "ECDSA", minSize: 384 } },
      selector: {
        issuerRef: { name: "apps-ca", kind: "ClusterIssuer", group: "cert-manager.io" },
        namespace: { matchNames: ["team-backend"] },
      },
    });
  });

  test("the longest life of several is allowed, and none is asked for where the CA alone decides", () => {
    const workloads = [
      { name: "a", namespace: "shop", service: "a", issuer: "apps-ca", duration: "90m" },
      { name: "b", namespace: "shop", service: "b", issuer: "apps-ca", duration: "2h" },
      { name: "c", namespace: "shop", dnsNames: ["c.example.com"], issuer: "letsencrypt" },
    ];
    const these = [withCertificates({ approval: true, workloads })];
    expect(specOf(these, "CertificateRequestPolicy zero-trust-workloads-shop.apps-ca")).toMatchObject({
      constraints: { maxDuration: "2h" },
    });
    expect(specOf(these, "CertificateRequestPolicy zero-trust-workloads-shop.letsencrypt")).toMatchObject({
      constraints: { privateKey: { algorithm: "ECDSA", minSize: 384 } },
      allowed: { usages: ["digital signature", "server auth"] },
    });
    expect(
      JSON.stringify(specOf(these, "CertificateRequestPolicy zero-trust-workloads-shop.letsencrypt")),
    ).not.toContain("maxDuration");
  });

  test("a CA may be asked for by who makes it: the issuer's own, and SPIRE's, whose subject has another serial number each time", () => {
    const cas = policies(approved).filter(({ spec }) => (spec as { allowed: { isCA?: boolean } }).allowed.isCA);
    expect(cas.map(({ metadata }) => metadata.name)).toEqual(["zero-trust-ca-apps-ca", "zero-trust-spire"]);
    expect(specOf(approved, "CertificateRequestPolicy zero-trust-ca-apps-ca")).toMatchObject({
      selector: { issuerRef: { name: "apps-ca-selfsigned" }, namespace: { matchNames: ["cert-manager"] } },
    });
    expect(specOf(approved, "CertificateRequestPolicy zero-trust-spire")).toEqual({
      allowed: {
        commonName: { value: "apps.zt.internal", required: true },
        subject: { serialNumber: { value: "*" } },
        uris: { values: ["spiffe://apps.zt.internal"], required: true },
        isCA: true,
        usages: ["cert sign", "crl sign"],
      },
      constraints: { maxDuration: "168h", privateKey: { algorithm: "ECDSA", minSize: 256 } },
      selector: {
        issuerRef: { name: "apps-ca", kind: "ClusterIssuer", group: "cert-manager.io" },
        namespace: { matchNames: ["spire"] },
      },
    });
  });

  test("cert-manager has the right to those for Certificates, and SPIRE's server to its own alone", () => {
    const [own, spires] = ["zero-trust-approval", "zero-trust-approval-spire"].map((name) => ({
      rules: objectOf(approved, `ClusterRole ${name}`).manifest["rules"] as {
        resourceNames: string[];
        verbs: string[];
      }[],
      subjects: objectOf(approved, `ClusterRoleBinding ${name}`).manifest["subjects"],
    }));
    expect(own?.rules[0]?.verbs).toEqual(["use"]);
    expect([...(own?.rules[0]?.resourceNames ?? []), "zero-trust-spire"].sort()).toEqual(
      policies(approved)
        .map(({ metadata }) => metadata.name)
        .sort(),
    );
    expect(own?.subjects).toEqual([{ kind: "ServiceAccount", name: "cert-manager", namespace: "cert-manager" }]);
    expect(spires?.rules[0]?.resourceNames).toEqual(["zero-trust-spire"]);
    expect(spires?.subjects).toEqual([{ kind: "ServiceAccount", name: "spire-server", namespace: "spire" }]);
  });

  test("cert-manager stops to approve by itself only after the policies are there", () => {
    const { release, objects } = planned(approved);
    expect(release?.args.values).toMatchObject({ disableAutoApproval: true });
    const before = objects.filter(({ name }) => /policy|approval/.test(name)).map(({ name }) => name);
    expect(before.length).toBeGreaterThan(6);
    expect(release?.after).toEqual(expect.arrayContaining(before));
  });

  test("SPIRE may ask for nothing where cert-manager is not above it", () => {
    const without = policies([withCertificates({ approval: true })]).map(({ metadata }) => metadata.name);
    expect(without).not.toContain("zero-trust-spire");
  });
});

test("without approval there are no policies, and cert-manager approves", () => {
  const without = [withCertificates()];
  expect(policies(without)).toEqual([]);
  expect(planned(without).release?.args.values).not.toHaveProperty("disableAutoApproval");
});
