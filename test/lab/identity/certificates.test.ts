import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installDefinitions, startCertManager, type CertManager } from "../../../lab/certManager";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { Spire } from "../../../lab/spire/spire";
import { tail } from "../../../lab/spire/process";
import { until } from "../../../lab/until";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { planned, spireBelow, withCertificates } from "../../components/certificates/fixture";
import { authoritiesOf, spireObjectsOf } from "./support";

// One life of one cert-manager, without its webhook, which alone would refuse lives of seconds; in the order of the tests.
let cluster: ControlPlane;
let certManager: CertManager;

const service = {
  name: "backend-service-tls",
  namespace: "team-backend",
  service: "backend-service",
  issuer: "apps-ca",
  organizations: ["company.com"],
};
const assignments = [
  withCertificates({ issuers: { "apps-ca": { ca: { commonName: "apps-ca" } } }, workloads: [service] }),
  ...spireBelow,
];
const objects = planned(assignments).objects.map(({ manifest }) => manifest);

beforeAll(async () => {
  cluster = await startControlPlane();
  installDefinitions(cluster);
  cluster.kubectl(["create", "namespace", "team-backend"]);
  certManager = await startCertManager(cluster, "cert-manager");
});
afterAll(async () => {
  await certManager?.stop();
  await cluster?.stop();
});

const apply = (...items: readonly KubernetesObject[]) =>
  cluster.kubectl(
    ["apply", "--server-side", "--force-conflicts", "--filename", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "List", items }),
  );
const detail = () => tail(certManager.process);

/** The service's certificate with other fields. */
function certificate(name: string, changes: object): KubernetesObject {
  const { spec } = objects.find(({ metadata }) => metadata.name === service.name) ?? expect.fail();
  return {
    apiVersion: "cert-manager.io/v1",
    kind: "Certificate",
    metadata: { name, namespace: service.namespace },
    spec: { ...(spec as object), secretName: name, ...changes },
  };
}

/** What is in a Secret of a certificate; undefined where there is none yet. */
function issued(name: string, namespace = service.namespace) {
  const get = ["get", "secret", name, "--namespace", namespace, "--ignore-not-found", "--output", "json"];
  const output = cluster.kubectl(get);
  if (output === "") return undefined;
  const { data } = JSON.parse(output) as { data: Readonly<Record<string, string>> };
  const pem = (key: string) => Buffer.from(data[key] ?? "", "base64").toString();
  if (pem("tls.crt") === "") return undefined;
  const certificate = new X509Certificate(pem("tls.crt"));
  return { certificate, ca: new X509Certificate(pem("ca.crt")), key: pem("tls.key") };
}
const untilIssued = (name: string, namespace?: string) =>
  until(`${name} is issued`, () => issued(name, namespace), { seconds: 60, detail });
const publicKey = ({ certificate }: { certificate: X509Certificate }) =>
  certificate.publicKey.export({ type: "spki", format: "pem" });

test("the CA signs itself, and with it the certificate of the Service: for a day, by all its names, with a key on P-384", async () => {
  apply(...objects);
  const { certificate, ca, key } = await untilIssued(service.name);
  const root = await untilIssued("apps-ca-ca", "cert-manager");
  expect(certificate.verify(root.certificate.publicKey)).toBe(true);
  expect(ca.raw.equals(root.certificate.raw)).toBe(true);
  expect(key).toContain("PRIVATE KEY");
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("secp384r1");
  expect(certificate.subjectAltName?.split(", ")).toEqual(
    ["", ".team-backend", ".team-backend.svc", ".team-backend.svc.cluster.local"].map(
      (end) => `DNS:backend-service${end}`,
    ),
  );
  expect(certificate.subject).toBe("O=company.com");
  // TLS servers and clients, by their object identifiers.
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  expect(certificate.ca).toBe(false);
  expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBe(24 * 3_600_000);
  expect(root.certificate.ca).toBe(true);
  expect(Date.parse(root.certificate.validTo) - Date.parse(root.certificate.validFrom)).toBe(87_600 * 3_600_000);
  cluster.kubectl(["wait", "--for=condition=Ready", "clusterissuer/apps-ca", "--timeout=30s"]);
});

test("it is renewed before it ends, with another key, and by the same CA", async () => {
  apply(certificate("short", { duration: "20s", renewBefore: "15s" }));
  const first = await untilIssued("short");
  const second = await until(
    "it is renewed",
    () => {
      const now = issued("short");
      return now && now.certificate.serialNumber !== first.certificate.serialNumber ? now : undefined;
    },
    { seconds: 30, detail },
  );
  expect(Date.parse(second.certificate.validFrom)).toBeLessThan(Date.parse(first.certificate.validTo));
  expect(publicKey(second)).not.toEqual(publicKey(first));
  expect(second.key).not.toEqual(first.key);
  expect(second.certificate.verify(second.ca.publicKey)).toBe(true);
  cluster.kubectl(["delete", "certificate", "short", "--namespace", service.namespace]);
});

test("a CA that is renewed keeps its key, so that what it has signed is good by its new certificate, and the other way round", async () => {
  const leaf = await untilIssued(service.name);
  const old = await untilIssued("apps-ca-ca", "cert-manager");
  // What cert-manager's command-line tool does to renew one now.
  const status = {
    conditions: [
      {
        type: "Issuing",
        status: "True",
        reason: "ManuallyTriggered",
        lastTransitionTime: new Date().toISOString().replace(/\.\d+/, ""),
      },
    ],
  };
  cluster.kubectl([
    ...["patch", "certificate", "apps-ca-ca", "--namespace", "cert-manager", "--subresource", "status"],
    ...["--type", "merge", "--patch", JSON.stringify({ status })],
  ]);
  const renewed = await until(
    "the CA is renewed",
    () => {
      const now = issued("apps-ca-ca", "cert-manager");
      return now && now.certificate.serialNumber !== old.certificate.serialNumber ? now : undefined;
    },
    { seconds: 30, detail },
  );
  expect(publicKey(renewed)).toEqual(publicKey(old));
  expect(leaf.certificate.verify(renewed.certificate.publicKey)).toBe(true);
  apply(certificate("after", {}));
  const after = await untilIssued("after");
  expect(after.certificate.verify(old.certificate.publicKey)).toBe(true);
});

test("a certificate whose issuer is not there yet says so, and is issued once it is", async () => {
  apply(certificate("late", { issuerRef: { name: "late", kind: "ClusterIssuer", group: "cert-manager.io" } }));
  const reason = `jsonpath={.items[?(@.spec.issuerRef.name=="late")].status.conditions[?(@.type=="Ready")].message}`;
  await until(
    "cert-manager says what is missing",
    () =>
      cluster
        .kubectl(["get", "certificaterequests", "--namespace", service.namespace, "--output", reason])
        .includes('"late" not found'),
    { detail },
  );
  expect(issued("late")).toBeUndefined();
  const ca =
    objects.find(({ kind, metadata: { name } }) => kind === "ClusterIssuer" && name === "apps-ca") ?? expect.fail();
  apply({ ...ca, metadata: { name: "late" } });
  await untilIssued("late");
});

test("SPIRE's server has its CA from it, and publishes the root", async () => {
  const spire = await Spire.start(cluster, spireObjectsOf(...assignments));
  try {
    const root = issued("apps-ca-ca", "cert-manager")?.certificate.raw.toString("base64");
    expect(await until("the bundle is published", () => spire.publishedBundle())).toBeDefined();
    expect(authoritiesOf(spire.publishedBundle())).toEqual([root]);
  } finally {
    await spire.stop();
  }
});
