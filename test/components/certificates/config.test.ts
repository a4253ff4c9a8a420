import { describe, expect, test } from "vitest";
import { certificates, problemOf, spireBelow, withCertificates } from "./fixture";

const withWorkload = (changes: object) =>
  withCertificates({
    workloads: [{ name: "api-tls", namespace: "orders", service: "api", issuer: "apps-ca", ...changes }],
  });
const withIssuer = (issuer: object) => withCertificates({ issuers: { ...certificates.issuers, mine: issuer } });
const acme = certificates.issuers.letsencrypt.acme;

describe("the configuration of certificates", () => {
  test("is nothing unless it is there, and says then whose cert-manager it is", () => {
    expect(problemOf()).toBe("none");
    expect(problemOf("certificates={}")).toContain("zero-trust:certificates.install is missing");
    expect(problemOf(withCertificates())).toBe("none");
    expect(problemOf(withCertificates({ install: "external" }))).toBe("none");
  });

  test("has no key that does nothing beside the others", () => {
    expect(problemOf(withCertificates({ install: "external", version: "1.20.0", values: { a: 1 } }))).toMatch(
      /certificates\.version.*\n.*only with certificates\.install managed[^]*certificates\.values/,
    );
    expect(problemOf(withCertificates({ serviceAccount: "cm" }))).toContain("only with certificates.install external");
  });

  test.each([
    ["crds", { crds: { enabled: false } }],
    ["disableAutoApproval", { disableAutoApproval: true }],
    ["serviceAccount.name", { serviceAccount: { name: "x" } }],
  ])("leaves %s to the program", (key, values) => {
    expect(problemOf(withCertificates({ values }))).toContain(`zero-trust:certificates.values.${key} `);
    expect(problemOf(withCertificates({ values: { serviceAccount: { annotations: {} } } }))).toBe("none");
  });

  test.each<[what: string, issuer: object, says: string]>([
    ["no way to sign", {}, "one of ca, acme, vault, existing"],
    ["two of them", { ca: {}, existing: {} }, "one of ca, acme, vault, existing"],
    ["a CA of two days", { ca: { duration: "48h" } }, "72h or longer"],
    ["a common name of 65 letters", { ca: { commonName: "a".repeat(65) } }, "at most 64"],
    ["a solver for no zone", { acme: { ...acme, solvers: [{ ingress: { className: "a" } }] } }, "dnsZones"],
    [
      "a solver with two ways",
      { acme: { ...acme, solvers: [{ ...acme.solvers[0], gateway: { name: "a", namespace: "b" } }] } },
      "one of ingress, gateway, route53",
    ],
    ["no solver", { acme: { ...acme, solvers: [] } }, "one or more, each a solver"],
    [
      "an account of nine digits",
      { acme: { ...acme, solvers: [{ dnsZones: ["a.com"], route53: { role: "arn:aws:iam::123456789:role/a" } }] } },
      "12 digits",
    ],
    ["Vault without TLS", { vault: { server: "http://vault", path: "pki/sign/a", role: "b" } }, "https://"],
    ["a path upwards", { vault: { server: "https://vault", path: "pki/../sys", role: "b" } }, "a path without"],
  ])("refuses an issuer with %s", (_, issuer, says) => {
    const problem = problemOf(withIssuer(issuer));
    expect(problem).toContain("zero-trust:certificates.issuers.mine");
    expect(problem).toContain(says);
  });

  test("refuses names of issuers that cert-manager's chart or another issuer has", () => {
    expect(problemOf(withCertificates({ issuers: { "cert-manager-webhook": { ca: {} } }, workloads: [] }))).toContain(
      "does not begin with cert-manager",
    );
    expect(
      problemOf(withCertificates({ issuers: { a: { ca: {} }, "a-selfsigned": { existing: {} } }, workloads: [] })),
    ).toContain("a has an issuer of this one");
  });

  test.each<[what: string, workload: object, key: string, says: string]>([
    [
      "an issuer that is not there",
      { issuer: "app-ca" },
      "issuer",
      "one of certificates.issuers: apps-ca, letsencrypt, vault, corporate",
    ],
    ["no name", { service: undefined }, "service", "a Service's name, or dnsNames"],
    ["the namespace of the CAs' keys", { namespace: "cert-manager" }, "namespace", "keys of CAs"],
    ["less than an hour", { duration: "59m", renewBefore: "10m" }, "duration", "1h or longer"],
    ["no time to renew", { renewBefore: "4m" }, "renewBefore", "5m or longer"],
    ["a renewal before it is there", { renewBefore: "24h" }, "renewBefore", "less than the duration, 24h"],
    ["more than its CA can promise", { duration: "29201h" }, "duration", "29200h at most, a third of its CA's"],
    ["a name in capitals", { dnsNames: ["API.example.com"] }, "dnsNames[0]", "in lower case"],
    ["an organization of 65 letters", { organizations: ["a".repeat(65)] }, "organizations[0]", "64"],
  ])("refuses a certificate with %s", (_, workload, key, says) => {
    const problem = problemOf(withWorkload(workload));
    expect(problem).toContain(`zero-trust:certificates.workloads[0].${key}`);
    expect(problem).toContain(says);
  });

  test.each<[what: string, workload: object, key: string, says: string]>([
    ["a Service", { service: "api", dnsNames: ["api.example.com"] }, "service", "no public CA knows"],
    ["a name of the cluster", { dnsNames: ["api.orders.svc"] }, "dnsNames[0]", "a public name"],
    ["a name of the cluster's domain", { dnsNames: ["api.orders.svc.cluster.local"] }, "dnsNames[0]", "a public name"],
    ["a name without a dot", { dnsNames: ["api"] }, "dnsNames[0]", "a public name"],
    [
      "a name of no zone",
      { dnsNames: ["api.example.org"] },
      "dnsNames[0]",
      "example.com, shop.example.com, corp.example.com",
    ],
    ["a wildcard by HTTP-01", { dnsNames: ["*.example.com"] }, "dnsNames[0]", "DNS-01"],
    ["a lifetime", { dnsNames: ["api.example.com"], duration: "24h" }, "duration", "the CA decides"],
    ["an organization", { dnsNames: ["api.example.com"], organizations: ["a"] }, "organizations", "names alone"],
  ])("refuses %s with a public CA", (_, workload, key, says) => {
    const problem = problemOf(withWorkload({ service: undefined, issuer: "letsencrypt", ...workload }));
    expect(problem).toContain(`zero-trust:certificates.workloads[0].${key}`);
    expect(problem).toContain(says);
  });

  test("refuses two certificates in one Secret", () => {
    const workloads = [certificates.workloads[0], certificates.workloads[0]];
    expect(problemOf(withCertificates({ workloads }))).toContain("certificates.workloads[1].name");
  });

  test("distributes roots only where there are some", () => {
    const none = { issuers: { corporate: { existing: {} } }, workloads: [] };
    expect(problemOf(withCertificates({ ...none, trust: {} }))).toContain("there is no root to distribute");
    const roots = ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"];
    expect(problemOf(withCertificates({ ...none, trust: { roots } }))).toBe("none");
    expect(problemOf(withCertificates({ ...none, trust: { roots: ["root.pem"] } }))).toContain("a certificate in PEM");
  });
});

describe("the authority above SPIRE", () => {
  const above = (issuer: string, kind = "ClusterIssuer") => [
    withCertificates(),
    `spire.upstreamAuthority.certManager.issuer=${issuer}`,
    `spire.upstreamAuthority.certManager.kind=${kind}`,
  ];

  test("may be one of the issuers, by its name and kind", () => {
    expect(problemOf(withCertificates(), ...spireBelow)).toBe("none");
    expect(problemOf(...above("apps-ca", "Issuer"))).toMatch(
      /certManager\.kind.*[^]*ClusterIssuer, which certificates\.issuers\.apps-ca is/,
    );
    expect(problemOf(...above("app-ca"))).toContain("one of certificates.issuers: apps-ca");
    expect(problemOf(...above("corporate", "AWSPCAClusterIssuer"))).toContain(
      "awspca.cert-manager.io, which certificates.issuers.corporate is of",
    );
  });

  test("may be somebody's in SPIRE's namespace", () => {
    expect(problemOf(...above("theirs", "Issuer"))).toBe("none");
  });

  test("is none that may not sign CAs, or that ends before what it signs", () => {
    expect(problemOf(...above("letsencrypt"))).toContain("which no ACME issuer may");
    const short = withCertificates({ issuers: { ...certificates.issuers, "apps-ca": { ca: { duration: "300h" } } } });
    expect(problemOf(short, ...spireBelow)).toMatch(/spire\.ttl\.ca.*[^]*100h at most/);
  });
});
