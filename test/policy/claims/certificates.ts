import { certificates as certificatesSchema } from "../../../core/schema/certificatesSchema";
import type { Facts } from "../../../policy/facts/facts";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { both, extra, withObject } from "../changes";
import type { Claims } from "./claim";

const issuerRef = { name: "there", kind: "ClusterIssuer" };
const leaf = { secretName: "a", dnsNames: ["api.orders.svc"], duration: "24h", issuerRef };
const certificate = (spec: object, namespace?: string) =>
  withObject(extra("cert-manager.io/v1", "Certificate", { spec }, namespace));
const clusterIssuer = (spec: object): KubernetesObject => ({
  apiVersion: "cert-manager.io/v1",
  kind: "ClusterIssuer",
  metadata: { name: "there" },
  spec,
});
const issuer = (spec: object) => withObject(clusterIssuer(spec));
const selfSigned = issuer({ selfSigned: {} });
/** A certificate of an issuer that is in the stack. */
const issued = (changes: object) => both(selfSigned, certificate({ ...leaf, ...changes }));

const acme = {
  server: "https://acme.example.com/directory",
  privateKeySecretRef: { name: "account" },
  solvers: [{ http01: { ingress: { ingressClassName: "cilium" } } }],
};
const solver = (changes: object) => issuer({ acme: { ...acme, solvers: [{ ...acme.solvers[0], ...changes }] } });
const byAcme = (changes: object) =>
  both(issuer({ acme }), certificate({ secretName: "a", dnsNames: ["api.example.com"], issuerRef, ...changes }));

const vault = {
  server: "https://vault:8200",
  path: "pki/sign/a",
  auth: { kubernetes: { role: "a", serviceAccountRef: { name: "a" } } },
};
const byVault = (changes: object) => issuer({ vault: { ...vault, ...changes } });

/** A CA that signs itself, and the issuer of it by which a leaf is signed. */
const authority = (ca: object, namespace = "cert-manager") =>
  both(
    withObject({ ...clusterIssuer({ selfSigned: {} }), metadata: { name: "root" } }),
    both(
      issuer({ ca: { secretName: "ca" } }),
      withObject({
        ...extra("cert-manager.io/v1", "Certificate", {}, namespace),
        metadata: { name: "ca", namespace },
        spec: {
          isCA: true,
          commonName: "ca",
          secretName: "ca",
          duration: "87600h",
          privateKey: { rotationPolicy: "Never" },
          issuerRef: { name: "root", kind: "ClusterIssuer" },
          ...ca,
        },
      }),
    ),
  );

/** Objects of cert-manager's. */
export const certificates: Claims = {
  "certificates-valid": {
    catches: [
      {
        what: "a common name of 65 letters",
        change: issued({ commonName: `api.${"a".repeat(61)}` }),
        says: /Certificate orders\/extra spec\.commonName is longer than 64 letters/,
      },
      { what: "nobody", change: issued({ dnsNames: [] }), says: /spec is for nobody/ },
      { what: "less than an hour", change: issued({ duration: "30m" }), says: /spec\.duration is 30m; write 1h/ },
      {
        what: "a renewal before it is there",
        change: issued({ renewBefore: "24h" }),
        says: /spec\.renewBefore is 24h, not less/,
      },
      {
        what: "two ways to say when",
        change: issued({ renewBefore: "8h", renewBeforePercentage: 30 }),
        says: /write one/,
      },
      {
        what: "a key of 128 bits",
        change: issued({ privateKey: { algorithm: "ECDSA", size: 128 } }),
        says: /256, 384 or 521/,
      },
      {
        what: "a signature that the key cannot make",
        change: issued({ privateKey: { algorithm: "ECDSA" }, signatureAlgorithm: "SHA256WithRSA" }),
        says: /which no ECDSA key can make/,
      },
      { what: "an unknown usage", change: issued({ usages: ["server authentication"] }), says: /spec\.usages\[0\]/ },
      {
        what: "a signer of another group without that",
        change: certificate({ ...leaf, issuerRef: { name: "a", kind: "AWSPCAClusterIssuer" } }),
        says: /spec\.issuerRef\.kind is AWSPCAClusterIssuer; write Issuer or ClusterIssuer, or the group/,
        also: ["certificates-issuable"],
      },
      {
        what: "an annotation of cert-manager's own",
        change: issued({ secretTemplate: { annotations: { "cert-manager.io/issuer-name": "a" } } }),
        says: /which is cert-manager's own/,
      },
      { what: "an issuer of no kind", change: issuer({}), says: /ClusterIssuer there spec has no issuer/ },
      {
        what: "an issuer of two kinds",
        change: issuer({ selfSigned: {}, ca: { secretName: "a" } }),
        says: /spec\.selfSigned is beside ca/,
      },
      {
        what: "a solver without a way",
        change: solver({ http01: undefined }),
        says: /solvers\[0\] has no way to solve/,
      },
      { what: "a solver with two ways", change: solver({ dns01: { route53: {} } }), says: /has http01 and dns01/ },
      {
        what: "two providers of DNS",
        change: solver({ http01: undefined, dns01: { route53: {}, webhook: { solverName: "a" } } }),
        says: /dns01\.webhook is beside route53/,
      },
      {
        what: "a path upwards in Vault",
        change: byVault({ path: "pki/../sys" }),
        says: /spec\.vault\.path is pki\/\.\.\/sys/,
      },
      {
        what: "no service account for Vault",
        change: byVault({ auth: { kubernetes: { role: "a" } } }),
        says: /wants one of serviceAccountRef and secretRef/,
      },
    ],
    passes: [
      ["a certificate of a day", issued({ renewBefore: "8h" })],
      ["an issuer of Vault's", byVault({})],
      [
        "a request",
        withObject(extra("cert-manager.io/v1", "CertificateRequest", { spec: { issuerRef, request: "" } })),
      ],
      [
        "another signer's",
        certificate({
          ...leaf,
          issuerRef: { name: "a", kind: "AWSPCAClusterIssuer", group: "awspca.cert-manager.io" },
        }),
      ],
    ],
  },
  "certificates-issuable": {
    catches: [
      {
        what: "a name of the cluster from a public CA",
        change: byAcme({ dnsNames: ["api.orders.svc.cluster.local"] }),
        says: /Certificate orders\/extra spec\.dnsNames has api\.orders\.svc\.cluster\.local, which no public CA can find/,
      },
      { what: "a CA from a public CA", change: byAcme({ isCA: true }), says: /no public CA makes CAs/ },
      {
        what: "a day from a public CA",
        change: byAcme({ duration: "24h" }),
        says: /which an ACME issuer's CA decides/,
      },
      {
        what: "a CA where no ClusterIssuer finds it",
        change: authority({}, "orders"),
        says: /Certificate orders\/ca metadata\.namespace is orders, but ClusterIssuer there looks for the Secret in cert-manager/,
      },
      {
        what: "a certificate that outlives its CA",
        change: both(authority({ duration: "48h" }), certificate(leaf)),
        says: /is 24h, and its CA ca is renewed with 16h left/,
      },
      {
        what: "a CA that is another each month",
        change: authority({ privateKey: {} }),
        says: /spec\.privateKey\.rotationPolicy is Always/,
        verdict: "warn",
      },
      {
        what: "a certificate of a month",
        change: issued({ duration: "720h" }),
        says: /is 720h, .* write 24h/,
        verdict: "warn",
      },
      {
        what: "an issuer that nobody makes",
        change: certificate(leaf),
        says: /is ClusterIssuer there, which this stack does not make/,
        verdict: "warn",
      },
      {
        what: "a role of no account",
        change: solver({ http01: undefined, dns01: { route53: { role: "arn:aws:iam::123456789:role/a" } } }),
        says: /12 digits/,
      },
      {
        what: "solvers of which the first alone counts",
        change: issuer({ acme: { ...acme, solvers: [...acme.solvers, ...acme.solvers] } }),
        says: /the first alone counts/,
        verdict: "warn",
      },
      {
        what: "a token for Vault that lives for good",
        change: byVault({ auth: { kubernetes: { role: "a", secretRef: { name: "a" } } } }),
        says: /spec\.vault\.auth has a secret that lives for good/,
        verdict: "warn",
      },
    ],
    passes: [
      ["a certificate of a CA that lives for years", both(authority({}), certificate(leaf))],
      ["a public name", byAcme({})],
      [
        "a lifetime that the CA lets one choose",
        both(
          issuer({ acme: { ...acme, enableDurationFeature: true } }),
          certificate({ ...leaf, dnsNames: ["a.example.com"] }),
        ),
      ],
      [
        "a signer of another group",
        certificate({
          ...leaf,
          issuerRef: { name: "a", kind: "AWSPCAClusterIssuer", group: "awspca.cert-manager.io" },
        }),
      ],
    ],
  },
  "linkerd-anchors": {
    catches: [
      {
        what: "a signer that proxies do not know",
        change: anchored({ anchors: ["a", "b"], signer: "b" }, { trusted: ["a"], signer: "a" }),
        says: /certificates\.linkerd\.signer would be b, which proxies do not know yet; leave a there, with b among the anchors/,
      },
      {
        what: "a signer that goes while what it signed is in use",
        change: anchored({ anchors: ["b"] }, { trusted: ["a", "b"], signer: "a" }),
        says: /certificates\.linkerd\.anchors would be without a, which has signed what is in use/,
      },
      {
        what: "a CA of the mesh for whoever asks",
        change: anchored({ anchors: ["a"] }, { trusted: ["a"], signer: "a" }, false),
        says: /approves whatever anybody asks of it; write certificates\.approval: true/,
        verdict: "warn",
      },
    ],
    passes: [
      ["the first one", anchored({ anchors: ["a"] })],
      ["another beside it", anchored({ anchors: ["a", "b"] }, { trusted: ["a"], signer: "a" })],
      [
        "another signer that is known",
        anchored({ anchors: ["a", "b"], signer: "b" }, { trusted: ["a", "b"], signer: "a" }),
      ],
      ["one less, when another has signed", anchored({ anchors: ["b"] }, { trusted: ["a", "b"], signer: "b" })],
    ],
  },
};

/** With Linkerd's roots, and those that were there before. */
function anchored(
  linkerd: { anchors: string[]; signer?: string },
  anchors?: { trusted: string[]; signer: string },
  approval = true,
) {
  return (facts: Facts): Facts => {
    const { previous } = facts;
    if (previous === "unknown" || !previous.state) throw new Error("there is no state");
    const certificates = certificatesSchema.parse({ install: "external", approval, linkerd });
    return {
      ...facts,
      config: { ...facts.config, certificates },
      previous: { ...previous, state: { ...previous.state, ...(anchors ? { anchors } : {}) } },
    };
  };
}
