import { describe, expect, test } from "vitest";
import { describeObject } from "../../../core/util/kubernetes";
import { objectOf, planned, specOf, withCertificates } from "./fixture";

const all = [withCertificates()];

describe("a CA of the cluster's own", () => {
  test("is a certificate that signs itself, where a ClusterIssuer looks for it, and the issuer that signs with it", () => {
    expect(specOf(all, "ClusterIssuer apps-ca-selfsigned")).toEqual({ selfSigned: {} });
    expect(specOf(all, "Certificate cert-manager/apps-ca-ca")).toEqual({
      isCA: true,
      commonName: "apps-ca",
      secretName: "apps-ca-ca",
      duration: "87600h",
      privateKey: { algorithm: "ECDSA", size: 384, rotationPolicy: "Never" },
      usages: ["cert sign", "crl sign"],
      issuerRef: { name: "apps-ca-selfsigned", kind: "ClusterIssuer", group: "cert-manager.io" },
    });
    expect(specOf(all, "ClusterIssuer apps-ca")).toEqual({ ca: { secretName: "apps-ca-ca" } });
  });

  test("is in the namespace that an external cert-manager has", () => {
    const external = [withCertificates({ install: "external", namespace: "certs" })];
    expect(objectOf(external, "Certificate certs/apps-ca-ca")).toBeDefined();
  });

  test("comes in that order, after cert-manager itself", () => {
    const { release } = planned(all);
    const [selfSigned, ca, issuer] = [
      "ClusterIssuer apps-ca-selfsigned",
      "Certificate cert-manager/apps-ca-ca",
      "ClusterIssuer apps-ca",
    ].map((name) => objectOf(all, name));
    expect(selfSigned?.after).toEqual([release?.name]);
    expect(ca?.after).toEqual([release?.name, selfSigned?.name]);
    expect(issuer?.after).toEqual([release?.name, selfSigned?.name, ca?.name]);
  });
});

describe("an ACME issuer", () => {
  test("solves each zone by the one way that is meant for it", () => {
    expect(specOf(all, "ClusterIssuer letsencrypt")).toEqual({
      acme: {
        server: "https://acme-v02.api.letsencrypt.org/directory",
        email: "platform@example.com",
        privateKeySecretRef: { name: "letsencrypt-account" },
        solvers: [
          { selector: { dnsZones: ["example.com"] }, http01: { ingress: { ingressClassName: "cilium" } } },
          {
            selector: { dnsZones: ["shop.example.com"] },
            http01: {
              gatewayHTTPRoute: {
                parentRefs: [
                  { group: "gateway.networking.k8s.io", kind: "Gateway", name: "public", namespace: "ingress" },
                ],
              },
            },
          },
          {
            selector: { dnsZones: ["corp.example.com"] },
            dns01: {
              route53: {
                role: "arn:aws:iam::123456789012:role/cert-manager",
                region: "us-east-1",
                hostedZoneID: "Z1PA6795UKMFR9",
                auth: { kubernetes: { serviceAccountRef: { name: "issuer-letsencrypt" } } },
              },
            },
          },
        ],
      },
    });
  });

  test("has no account in the cluster where no cloud is to know it", () => {
    const [first] = [{ dnsZones: ["example.com"], ingress: { className: "cilium" } }];
    const http = [
      withCertificates({
        issuers: { letsencrypt: { acme: { server: "https://acme.example.com/directory", solvers: [first] } } },
        workloads: [],
      }),
    ];
    expect(planned(http).objects.map(({ manifest }) => describeObject(manifest))).toEqual([
      "Namespace cert-manager",
      "ClusterIssuer letsencrypt",
    ]);
  });
});

describe("an issuer of Vault's", () => {
  test("shows Vault a token of an account of its own, and has no secret", () => {
    expect(specOf(all, "ClusterIssuer vault")).toEqual({
      vault: {
        server: "https://vault.vault.svc:8200",
        path: "pki/sign/workloads",
        caBundleSecretRef: { name: "vault-ca", key: "ca.crt" },
        auth: {
          kubernetes: {
            role: "cert-manager",
            mountPath: "/v1/auth/kubernetes",
            serviceAccountRef: { name: "issuer-vault" },
          },
        },
      },
    });
  });

  test.each(["vault", "letsencrypt"])(
    "lets cert-manager have tokens of the account of %s, and of no other",
    (issuer) => {
      const account = `issuer-${issuer}`;
      expect(objectOf(all, `ServiceAccount cert-manager/${account}`)).toBeDefined();
      expect(objectOf(all, `Role cert-manager/${account}`).manifest["rules"]).toEqual([
        { apiGroups: [""], resources: ["serviceaccounts/token"], resourceNames: [account], verbs: ["create"] },
      ]);
      const external = [withCertificates({ install: "external", serviceAccount: "cm-controller" })];
      for (const [assignments, name] of [
        [all, "cert-manager"],
        [external, "cm-controller"],
      ] as const)
        expect(objectOf(assignments, `RoleBinding cert-manager/${account}`).manifest).toMatchObject({
          roleRef: { kind: "Role", name: account },
          subjects: [{ kind: "ServiceAccount", name, namespace: "cert-manager" }],
        });
    },
  );
});

test("an issuer that is there already is not made again", () => {
  const names = planned(all).objects.map(({ manifest }) => manifest.metadata.name);
  expect(names).not.toContain("corporate");
});

describe("cert-manager itself", () => {
  test("is a release whose CRDs come with it and outlive it, and whose webhook answers before anything is asked of it", () => {
    const { release, objects } = planned(all);
    expect(release).toEqual({
      name: "certificates-release",
      after: ["certificates-namespace"],
      keep: "retained",
      args: {
        name: "cert-manager",
        namespace: "cert-manager",
        version: "v1.21.2",
        chart: "oci://quay.io/jetstack/charts/cert-manager",
        values: { crds: { enabled: true, keep: true }, config: { enableGatewayAPI: true } },
        allowNullValues: true,
        maxHistory: 10,
        skipAwait: false,
      },
    });
    for (const { name, after } of objects.filter(({ name }) => name !== "certificates-namespace"))
      expect([name, after]).toEqual([name, expect.arrayContaining(["certificates-release"]) as unknown]);
  });

  test("knows of Gateways only where a solver needs them: without their CRDs it would not start", () => {
    const values = { config: { logging: { format: "json" } }, replicaCount: 2 };
    const own = { crds: { enabled: true, keep: true } };
    expect(planned([withCertificates({ issuers: {}, workloads: [], values })]).release?.args.values).toEqual({
      ...values,
      ...own,
    });
    expect(planned([withCertificates({ values })]).release?.args.values).toEqual({
      ...values,
      ...own,
      config: { logging: { format: "json" }, enableGatewayAPI: true },
    });
  });

  test("comes from the chart that is named, and not at all where it is there already", () => {
    const named = { version: "1.20.3", chart: "oci://registry.corp/charts/cert-manager" };
    expect(planned([withCertificates(named)]).release?.args).toMatchObject({ version: "v1.20.3", chart: named.chart });
    const { release, objects } = planned([withCertificates({ install: "external" })]);
    expect(release).toBeUndefined();
    expect(objects.filter(({ manifest }) => manifest.kind === "Namespace")).toEqual([]);
  });
});

test("nothing of it is ever deleted: what leaves the program stays in the cluster", () => {
  const everything = planned([withCertificates({ trust: {}, approval: true })]);
  expect(new Set([...everything.objects, everything.release].map((resource) => resource?.keep))).toEqual(
    new Set(["retained"]),
  );
});
