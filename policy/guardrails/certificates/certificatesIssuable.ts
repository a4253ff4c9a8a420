import { isInternalName } from "../../../core/util/dnsNames";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import {
  authoritiesOf,
  isCertificate,
  isIssuer,
  issuerOf,
  leftAtRenewal,
  lifetimeOf,
  secretsOf,
  specOf,
} from "../../rules/certManager/objects";
import type { Facts } from "../../facts/facts";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { listOf, recordOf, textOf } from "../../rules/values";

export const certificatesIssuable: Guardrail = {
  name: "certificates-issuable",
  description: "Every certificate can be issued, and ends before the CA that vouches for it.",
  severity: "mandatory",
  prevents:
    "Certificates that are taken and never issued, or that nobody trusts: a public CA has no names of the cluster and makes no CAs (ACME, RFC 8555), a ClusterIssuer finds its CA in cert-manager's namespace alone (cert-manager pkg/controller/context.go, ClusterResourceNamespace), and cert-manager signs for longer than its CA lives (pkg/util/pki/certificatetemplate.go).",
  remediation:
    "Choose the issuer by who is to trust the certificate, and give a CA three times the life of what it signs.",
  blocksOff: false,
  reads: (object) => isCertificate(object) || isIssuer(object),
  checkStack: (facts) => [
    ...facts.objects.filter(isCertificate).flatMap((certificate) => judgeCertificate(certificate, facts)),
    ...facts.objects
      .filter(isIssuer)
      .flatMap((issuer) => [...authority(issuer, facts), ...acme(issuer), ...vault(issuer)]),
  ],
};

const hours = (seconds: number) => `${Math.round(seconds / 36) / 100}h`;
const day = 86_400;

function judgeCertificate(certificate: KubernetesObject, facts: Facts): Violation[] {
  const found = issuerOf(certificate, facts);
  if (!found) return [];
  if (!found.issuer) return unknownIssuer(certificate, found.name, facts);
  const issuer = specOf(found.issuer);
  if (issuer["acme"] !== undefined) return byAcme(certificate, recordOf(issuer["acme"]), facts);
  const { isCA } = specOf(certificate);
  const lives = lifetimeOf(certificate);
  const report = (message: string, severity?: "advisory") => inObject(certificate, "spec.duration", message, severity);
  return [
    ...authoritiesOf(found.issuer, facts)
      .filter((ca) => lives > leftAtRenewal(ca))
      .map((ca) =>
        report(
          `is ${hours(lives)}, and its CA ${ca.metadata.name} is renewed with ${hours(leftAtRenewal(ca))} left, so that it would outlive it; write less`,
        ),
      ),
    ...(isCA !== true && lives > day
      ? [report(`is ${hours(lives)}, for which whoever takes its key may go on; write 24h`, "advisory")]
      : []),
    ...(isCA === true && issuer["selfSigned"] !== undefined && rotationOf(certificate) !== "Never"
      ? [
          inObject(
            certificate,
            "spec.privateKey.rotationPolicy",
            "is Always, so that a renewed CA is another, of which what is signed already knows nothing; write Never, or have trust-manager distribute both",
            "advisory",
          ),
        ]
      : []),
  ];
}

const rotationOf = (certificate: KubernetesObject) => recordOf(specOf(certificate)["privateKey"])["rotationPolicy"];

/** Of an issuer that is nobody's here it is only known that nothing is issued until it is there. */
function unknownIssuer(certificate: KubernetesObject, name: string, { config: { certificates } }: Facts): Violation[] {
  const existing = Object.entries(certificates?.issuers ?? {}).flatMap(([issuer, { existing }]) =>
    existing ? [`${existing.kind} ${issuer}`] : [],
  );
  if (existing.includes(name)) return [];
  const message = `is ${name}, which this stack does not make, and nothing is issued before it is there; write one of certificates.issuers`;
  return [inObject(certificate, "spec.issuerRef", message, "advisory")];
}

function byAcme(
  certificate: KubernetesObject,
  acme: Readonly<Record<string, unknown>>,
  { config }: Facts,
): Violation[] {
  const { isCA, duration, dnsNames, commonName } = specOf(certificate);
  const names = [...listOf(dnsNames), ...(commonName === undefined ? [] : [commonName])].map(textOf);
  return [
    ...names
      .filter((name) => isInternalName(name, config.certificates?.clusterDomain))
      .map((name) =>
        inObject(
          certificate,
          "spec.dnsNames",
          `has ${name}, which no public CA can find; write an issuer with a CA of yours`,
        ),
      ),
    ...(isCA === true
      ? [inObject(certificate, "spec.isCA", "is true, and no public CA makes CAs; write another issuer")]
      : []),
    ...(duration !== undefined && acme["enableDurationFeature"] !== true
      ? [inObject(certificate, "spec.duration", `is ${textOf(duration)}, which an ACME issuer's CA decides; remove it`)]
      : []),
  ];
}

/** The CA of an issuer, where it is made here: in the namespace in which the issuer looks for it. */
function authority(issuer: KubernetesObject, facts: Facts): Violation[] {
  const made = authoritiesOf(issuer, facts);
  const where = secretsOf(issuer, facts);
  if (made.length === 0 || made.some(({ metadata }) => metadata.namespace === where)) return [];
  return made.map((ca) =>
    inObject(
      ca,
      "metadata.namespace",
      `is ${textOf(ca.metadata.namespace)}, but ${issuer.kind} ${issuer.metadata.name} looks for the Secret in ${where}; write that`,
    ),
  );
}

function acme(issuer: KubernetesObject): Violation[] {
  const solvers = listOf(recordOf(specOf(issuer)["acme"])["solvers"]).map(recordOf);
  const open = solvers.filter(({ selector }) => Object.keys(recordOf(selector)).length === 0);
  return [
    ...(open.length > 1
      ? [
          inObject(
            issuer,
            "spec.acme.solvers",
            "has several without a selector, of which the first alone counts; write selector.dnsZones",
            "advisory",
          ),
        ]
      : []),
    ...solvers.flatMap(({ dns01 }, i): Violation[] => {
      const { role } = recordOf(recordOf(dns01)["route53"]);
      if (role === undefined || role === "" || /^arn:aws[\w-]*:iam::\d{12}:role\/.+/.test(textOf(role))) return [];
      return [
        inObject(
          issuer,
          `spec.acme.solvers[${i}].dns01.route53.role`,
          `is ${textOf(role)}, no role of AWS, whose accounts have 12 digits`,
        ),
      ];
    }),
  ];
}

function vault(issuer: KubernetesObject): Violation[] {
  const { tokenSecretRef, appRole, kubernetes } = recordOf(recordOf(specOf(issuer)["vault"])["auth"]);
  const kept = [tokenSecretRef, appRole, recordOf(kubernetes)["secretRef"]].some((way) => way !== undefined);
  if (!kept) return [];
  const message =
    "has a secret that lives for good; write kubernetes.serviceAccountRef, of which cert-manager gets a token for each call";
  return [inObject(issuer, "spec.vault.auth", message, "advisory")];
}
