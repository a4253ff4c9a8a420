import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { runProgram } from "../../lab/spire/process";
import { refusedOfCertificate } from "../../policy/rules/certManager/certificate";
import { refusedOfIssuer } from "../../policy/rules/certManager/issuer";
import { buildTool } from "../../tools/go";
import { planned, withCertificates } from "../components/certificates/fixture";

// What the guardrail refuses, beside what the rules of cert-manager's own webhook refuse.

let program: string;
beforeAll(() => {
  program = buildTool("cert-manager");
});

type Spec = Readonly<Record<string, unknown>>;

/** The paths at which cert-manager's own rules find something, for each spec. */
async function theirs(kind: string, specs: readonly Spec[]): Promise<string[][]> {
  const objects = specs.map((spec) => ({ apiVersion: "cert-manager.io/v1", kind, metadata: { name: "x" }, spec }));
  const { status, output } = await runProgram([program, "validate"], { input: JSON.stringify(objects) });
  expect([status, output.slice(0, 2)]).toEqual([0, "[["]);
  return (JSON.parse(output) as { field: string }[][]).map((found) =>
    paths(found.map(({ field }) => asWritten(field))),
  );
}

const paths = (found: readonly string[]) => [...new Set(found)].sort();
/** Some of its paths are not those of the field in an object. */
const asWritten = (field: string) =>
  [
    [/\.gateway\b/, ".gatewayHTTPRoute"],
    [/\.akamai\.(accessToken|clientSecret|clientToken)\b/, ".akamai.$1SecretRef"],
    [/\.ocspServer\[/, ".ocspServers["],
    [/\.auth\.(kubernetes|clientCertificate)\.path$/, ".auth.$1.mountPath"],
    [/\[type\]$/, ""],
  ].reduce((text, [from, to]) => text.replace(from as RegExp, to as string), field);

/** Expects that both refuse the same of each spec; shows of what they differ in one spec each. */
async function compare(kind: string, specs: readonly Spec[], ours: (spec: Spec) => readonly { path: string }[]) {
  const found = await theirs(kind, specs);
  const differences = new Map<string, Spec>();
  for (const [i, spec] of specs.entries()) {
    const [own, other] = [paths(ours(spec).map(({ path }) => path)), found[i] ?? []];
    for (const path of own.filter((path) => !other.includes(path))) differences.set(`only ours: ${path}`, spec);
    for (const path of other.filter((path) => !own.includes(path))) differences.set(`only theirs: ${path}`, spec);
  }
  expect([...differences]).toEqual([]);
  return found;
}

const oneOf = (...values: unknown[]) => fc.constantFrom(...values);
/** Each field may be missing, as none of the others is. */
const any = (fields: Readonly<Record<string, fc.Arbitrary<unknown>>>) => fc.record(fields, { requiredKeys: [] });
const secret = oneOf({ name: "a", key: "b" }, { name: "a" }, { key: "b" }, {});
const text = oneOf("a", "");

const durations = oneOf("24h", "1h", "59m", "30m", "8h", "5m", "299s", "2160h", "1h30m", "24h0m0s");
const certificates = any({
  secretName: oneOf("a", "", "A", "a.b", "a_b"),
  issuerRef: any({
    name: text,
    kind: oneOf("Issuer", "ClusterIssuer", "Other", ""),
    group: oneOf("", "cert-manager.io", "x.y"),
  }),
  commonName: oneOf("a", "", "a".repeat(64), "a".repeat(65), "é".repeat(33)),
  dnsNames: oneOf([], ["a"]),
  uris: oneOf([], ["spiffe://a/b"]),
  ipAddresses: oneOf([], ["10.0.0.1"], ["10.0.0"], ["::1"], ["fe80::1%eth0"], ["10.0.0.01"]),
  emailAddresses: oneOf([], ["a@b.c"], ["a"], ["a <a@b.c>"]),
  otherNames: oneOf([], [{ oid: "1.2.3", utf8Value: "a" }], [{ oid: "a", utf8Value: "" }], [{ utf8Value: "a" }]),
  privateKey: any({
    algorithm: oneOf("RSA", "ECDSA", "Ed25519", "DSA", ""),
    size: oneOf(0, 256, 384, 521, 1024, 2048, 8192, 8193),
  }),
  signatureAlgorithm: oneOf("SHA256WithRSA", "ECDSAWithSHA384", "PureEd25519"),
  duration: durations,
  renewBefore: durations,
  renewBeforePercentage: oneOf(0, 1, 33, 99, 100),
  usages: oneOf([], ["server auth", "client auth", "digital signature"], ["serverAuth"], ["s/mime", "any", "x"]),
  revisionHistoryLimit: oneOf(0, 1, -1, 5),
  secretTemplate: any({
    labels: oneOf({}, { a: "b" }, { "a b": "c" }, { "x.y/z": "" }, { a: "-" }, { a: "b".repeat(64) }),
    annotations: oneOf(
      {},
      { a: "b c" },
      { "cert-manager.io/x": "" },
      { "cert-manager.io/allow-direct-injection": "true" },
      { "A/b": "" },
      { "a/b/c": "" },
    ),
  }),
  isCA: oneOf(true, false),
  nameConstraints: oneOf({}, { permitted: { dnsDomains: ["a"] } }, { excluded: {} }),
  additionalOutputFormats: oneOf([], [{ type: "DER" }], [{ type: "DER" }, { type: "DER" }]),
  keystores: any({
    jks: oneOf(
      { create: true },
      { create: true, password: "a" },
      { create: true, password: "" },
      { create: true, passwordSecretRef: { name: "a" } },
      { create: true, password: "a", passwordSecretRef: { name: "a" } },
    ),
    pkcs12: oneOf({ create: true, passwordSecretRef: { name: "" } }, { create: true, password: "a" }),
  }),
  renewal: oneOf(
    {},
    { policy: "Disabled" },
    { policy: "Sometimes" },
    { policy: "RenewBefore", windows: [] },
    { policy: "Disabled", windows: [{ cron: "0 1 * * *", windowDuration: "1h" }] },
    { policy: "RenewBefore", windows: [{ cron: "0 1 * * *", windowDuration: "1h", timezone: "Europe/Berlin" }] },
    { policy: "RenewBefore", windows: [{ cron: "0 1 * * *", timezone: "Local" }] },
  ),
});

const literal = fc.record({
  secretName: fc.constant("a"),
  issuerRef: fc.constant({ name: "a" }),
  literalSubject: oneOf("CN=a", "O=a", `CN=${"a".repeat(65)},O=b`, "O=b,CN=a"),
  commonName: oneOf("", "a"),
  subject: oneOf({}, { organizations: ["a"] }, { organizations: [] }, { serialNumber: "1" }),
});

const challenges = any({
  cnameStrategy: oneOf("None", "Follow", "Other", ""),
  akamai: any({
    accessTokenSecretRef: secret,
    clientSecretSecretRef: secret,
    clientTokenSecretRef: secret,
    serviceConsumerDomain: text,
  }),
  azureDNS: any({
    clientID: text,
    tenantID: text,
    clientSecretSecretRef: secret,
    subscriptionID: text,
    resourceGroupName: text,
    environment: oneOf("AzurePublicCloud", "Other", ""),
    managedIdentity: any({ clientID: text, tenantID: text, resourceID: text }),
  }),
  cloudDNS: any({ serviceAccountSecretRef: secret, project: text }),
  cloudflare: any({ apiKeySecretRef: secret, apiTokenSecretRef: secret, email: text }),
  route53: any({ accessKeyID: text, accessKeyIDSecretRef: secret, region: text }),
  acmeDNS: any({ accountSecretRef: secret, host: text }),
  digitalocean: any({ tokenSecretRef: secret }),
  rfc2136: any({
    nameserver: oneOf("", "8.8.8.8", "8.8.8.8:53", "[::1]", "[::1]:53", "::1", "ns:", ":53", " ns "),
    tsigAlgorithm: oneOf("", "HMACMD5", "hmacsha256", "other"),
    tsigSecretSecretRef: secret,
    tsigKeyName: text,
  }),
  webhook: any({ solverName: text, groupName: fc.constant("g") }),
});
const ingress = any({
  class: text,
  ingressClassName: oneOf("a", "A", ""),
  name: text,
  serviceType: oneOf("", "ClusterIP", "NodePort", "LoadBalancer"),
});
const gateway = any({
  serviceType: oneOf("", "NodePort", "ExternalName"),
  // As the CRD fills in.
  parentRefs: oneOf([], [{ kind: "Gateway", name: "a" }], [{ kind: "Gateway" }]),
});
const few = <T>(...arbitraries: fc.Arbitrary<T>[]) => fc.oneof(...arbitraries);
/** Providers alone and together. */
const dns01 = few(
  challenges,
  ...["akamai", "azureDNS", "cloudDNS", "cloudflare", "route53", "acmeDNS", "digitalocean", "rfc2136", "webhook"].map(
    (key) => challenges.map((all) => ({ [key]: all[key] ?? {} })),
  ),
);
const path = oneOf("pki/sign/a", "", "a/../b", "../a", "a/..b");
const issuers = any({
  acme: any({
    server: text,
    privateKeySecretRef: oneOf({ name: "a" }, {}),
    skipTLSVerify: oneOf(true, false),
    externalAccountBinding: any({ keyID: text, keySecretRef: secret }),
    solvers: fc.array(
      any({ http01: any({ ingress, gatewayHTTPRoute: gateway }), dns01, waitInsteadOfSelfCheck: oneOf("1s", "-1s") }),
      { maxLength: 2 },
    ),
  }),
  ca: any({ secretName: text, ocspServers: oneOf([], ["a", ""]), issuingCertificateURLs: oneOf([], [""]) }),
  selfSigned: fc.constant({}),
  vault: any({
    server: text,
    path,
    caBundleSecretRef: secret,
    clientCertSecretRef: secret,
    clientKeySecretRef: secret,
    auth: any({
      tokenSecretRef: secret,
      appRole: any({ roleId: text, secretRef: secret, path }),
      clientCertificate: any({ mountPath: path }),
      kubernetes: any({ role: text, mountPath: path, secretRef: secret, serviceAccountRef: oneOf({ name: "a" }, {}) }),
      aws: any({ role: text, mountPath: path, iamRoleArn: text, serviceAccountRef: oneOf({ name: "a" }, {}) }),
    }),
  }),
  venafi: any({
    zone: text,
    tpp: any({ url: text, caBundleSecretRef: secret }),
    cloud: fc.constant({ apiTokenSecretRef: { name: "a" } }),
    ngts: any({ tsgID: text, credentialsRef: oneOf({ name: "a" }, {}) }),
  }),
});
/** Of one type, mostly: of several all but the first are one refusal. */
const anyIssuer = few(
  issuers,
  ...["acme", "ca", "vault", "venafi"].map((type) => issuers.map((all) => ({ [type]: all[type] ?? {} }))),
);

const sample = (arbitrary: fc.Arbitrary<unknown>, numRuns: number) =>
  fc.sample(arbitrary, { numRuns, seed: 11 }) as Spec[];

test("of certificates the guardrail refuses what cert-manager does, at the same places", async () => {
  const found = await compare(
    "Certificate",
    [...sample(certificates, 3000), ...sample(literal, 100)],
    refusedOfCertificate,
  );
  expect(found.filter((paths) => paths.length === 0).length).toBeGreaterThan(0);
});

test("of issuers too", async () => {
  const found = await compare("ClusterIssuer", sample(anyIssuer, 3000), refusedOfIssuer);
  expect(found.filter((paths) => paths.length === 0).length).toBeGreaterThan(0);
});

test("cert-manager's own rules refuse nothing that this program makes", async () => {
  const made = planned([withCertificates()]).objects.map(({ manifest }) => manifest);
  for (const kind of ["Certificate", "ClusterIssuer"]) {
    const specs = made.filter((object) => object.kind === kind).map((object) => object["spec"] as Spec);
    expect(specs.length).toBeGreaterThan(3);
    expect(
      (await compare(kind, specs, kind === "Certificate" ? refusedOfCertificate : refusedOfIssuer)).flat(),
    ).toEqual([]);
  }
});
