import { isIP } from "node:net";
import { seconds } from "../../../core/util/duration";
import { listOf, recordOf, textOf } from "../values";
import { given, isSet, required, when, type Refusal } from "../refusal";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The rules of cert-manager's webhook for a Certificate, which its CRD has not (cert-manager v1.21.2, internal/apis/certmanager/validation/certificate.go,
 * ValidateCertificateSpec). Left out: the grammars of a literal subject, of cron and of e-mail addresses beyond their @.
 *
 * @param spec of the Certificate, of any shape
 */
export function refusedOfCertificate(spec: unknown): Refusal[] {
  const fields = recordOf(spec);
  return [
    ...secretName(fields["secretName"]),
    ...refusedOfIssuerRef(fields["issuerRef"]),
    ...subject(fields),
    ...alternativeNames(fields),
    ...privateKey(fields),
    ...(isSet(fields["duration"]) || isSet(fields["renewBefore"]) ? lifetime(fields) : []),
    ...listOf(fields["usages"]).flatMap((usage, i) =>
      when(
        !usages.has(textOf(usage)),
        `spec.usages[${i}]`,
        `is ${textOf(usage)}; write one of ${[...usages].join(", ")}`,
      ),
    ),
    ...when(
      typeof fields["revisionHistoryLimit"] === "number" && fields["revisionHistoryLimit"] < 1,
      "spec.revisionHistoryLimit",
      `is ${textOf(fields["revisionHistoryLimit"])}; write 1 or more`,
    ),
    ...secretTemplate(recordOf(fields["secretTemplate"])),
    ...constraints(fields),
    ...outputFormats(fields),
    ...["jks", "pkcs12"].flatMap((format) => keystore(format, recordOf(fields["keystores"])[format])),
    ...(isSet(fields["renewal"]) ? renewal(recordOf(fields["renewal"])) : []),
  ];
}

/** Of a DNS subdomain, as Kubernetes names most objects (k8s.io/apimachinery pkg/util/validation). */
export const subdomain = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const secretName = (name: unknown): Refusal[] =>
  given(name)
    ? when(
        !subdomain.test(name),
        "spec.secretName",
        `is ${name}, no name of a Secret; write lower-case letters, digits, - and .`,
      )
    : required(name, "spec.secretName");

/** validateIssuerRef */
export function refusedOfIssuerRef(value: unknown): Refusal[] {
  const { name, kind, group } = recordOf(value);
  const own = !given(group) || group === "cert-manager.io";
  const hint = given(group) ? "" : ", or the group of another signer as spec.issuerRef.group";
  return [
    ...required(name, "spec.issuerRef.name"),
    ...when(
      own && given(kind) && kind !== "Issuer" && kind !== "ClusterIssuer",
      "spec.issuerRef.kind",
      `is ${textOf(kind)}; write Issuer or ClusterIssuer${hint}`,
    ),
  ];
}

/** The subject, and that somebody is meant at all. */
function subject({ commonName, literalSubject, subject, ...names }: Fields): Refusal[] {
  const literal = given(literalSubject) ? literalSubject : undefined;
  const inside = literal === undefined ? undefined : /(?:^|[,+]\s*)CN=((?:\\.|[^,+\\])*)/.exec(literal)?.[1];
  const cn = inside ?? commonName;
  const anyName = ["dnsNames", "uris", "emailAddresses", "ipAddresses", "otherNames"].some(
    (key) => listOf(names[key]).length > 0,
  );
  return [
    ...when(
      literal !== undefined && given(commonName),
      "spec.commonName",
      "is beside literalSubject; write it into that as CN=",
    ),
    ...when(
      literal !== undefined &&
        Object.values(recordOf(subject)).some((value) => given(value) || listOf(value).length > 0),
      "spec.subject",
      "is beside literalSubject; write it into that",
    ),
    ...when(!given(cn) && !anyName, "spec", "is for nobody: it has no name; write dnsNames"),
    ...when(
      given(cn) && Buffer.byteLength(cn) > 64,
      "spec.commonName",
      `is longer than 64 letters, which a common name may not be; leave it out, and write dnsNames`,
    ),
  ];
}

function alternativeNames(fields: Fields): Refusal[] {
  return [
    ...listOf(fields["ipAddresses"]).flatMap((address, i) =>
      when(
        isIP(textOf(address)) === 0 || textOf(address).includes("%"),
        `spec.ipAddresses[${i}]`,
        `is ${textOf(address)}, no IP address`,
      ),
    ),
    ...listOf(fields["emailAddresses"]).flatMap((address, i) =>
      when(
        !/^[^\s@<>]+@[^\s@<>]+$/.test(textOf(address)),
        `spec.emailAddresses[${i}]`,
        `is ${textOf(address)}; write the address alone, as in a@b.c`,
      ),
    ),
    ...listOf(fields["otherNames"]).flatMap((name, i) => {
      const { oid, utf8Value } = recordOf(name);
      const path = `spec.otherNames[${i}]`;
      return [
        ...required(oid, `${path}.oid`),
        ...when(
          !/^[-+]?\d+(\.[-+]?\d+)*$/.test(textOf(oid)),
          `${path}.oid`,
          `is ${textOf(oid)}, no object identifier; write one as in 1.2.3.4`,
        ),
        ...required(utf8Value, `${path}.utf8Value`),
      ];
    }),
  ];
}

/** Which signatures a key of each kind can make. */
const signatures: Readonly<Record<string, readonly string[]>> = {
  RSA: ["SHA256WithRSA", "SHA384WithRSA", "SHA512WithRSA"],
  ECDSA: ["ECDSAWithSHA256", "ECDSAWithSHA384", "ECDSAWithSHA512"],
  Ed25519: ["PureEd25519"],
};

function privateKey({ privateKey, signatureAlgorithm }: Fields): Refusal[] {
  const { algorithm, size } = recordOf(privateKey);
  const kind = given(algorithm) ? algorithm : "RSA";
  const bits = typeof size === "number" ? size : 0;
  const allowed = signatures[kind];
  return [
    ...when(
      kind === "RSA" && bits > 0 && (bits < 2048 || bits > 8192),
      "spec.privateKey.size",
      `is ${bits}; write 2048 to 8192 for RSA`,
    ),
    ...when(
      kind === "ECDSA" && bits > 0 && ![256, 384, 521].includes(bits),
      "spec.privateKey.size",
      `is ${bits}; write 256, 384 or 521 for ECDSA`,
    ),
    ...when(!allowed, "spec.privateKey.algorithm", `is ${kind}; write RSA, ECDSA or Ed25519`),
    ...when(
      given(signatureAlgorithm) && allowed !== undefined && !allowed.includes(textOf(signatureAlgorithm)),
      "spec.signatureAlgorithm",
      `is ${textOf(signatureAlgorithm)}, which no ${kind} key can make; write ${(allowed ?? []).join(" or ")}`,
    ),
  ];
}

/** What cert-manager takes where a Certificate says nothing: 90 days (pkg/apis/certmanager/v1/const.go). */
export const defaultDuration = 90 * 86_400;

/** ValidateDuration. The percentage is what is left at the renewal for the controller, and what has passed for the webhook, whose rule this is. */
function lifetime({ duration, renewBefore, renewBeforePercentage }: Fields): Refusal[] {
  const lives = isSet(duration) ? (seconds(duration) ?? NaN) : defaultDuration;
  const before = isSet(renewBefore) ? (seconds(renewBefore) ?? NaN) : undefined;
  const percentage = typeof renewBeforePercentage === "number" ? renewBeforePercentage : undefined;
  const left = percentage === undefined ? undefined : (lives * (100 - percentage)) / 100;
  return [
    ...when(!(lives >= 3600), "spec.duration", `is ${textOf(duration)}; write 1h or longer`),
    ...(before !== undefined && percentage !== undefined
      ? ["renewBefore", "renewBeforePercentage"].flatMap((key) =>
          when(true, `spec.${key}`, "is beside the other of renewBefore and renewBeforePercentage; write one"),
        )
      : []),
    ...when(
      before !== undefined && !(before >= 300),
      "spec.renewBefore",
      `is ${textOf(renewBefore)}; write 5m or longer`,
    ),
    ...when(
      before !== undefined && before >= lives,
      "spec.renewBefore",
      `is ${textOf(renewBefore)}, not less than the duration; write a third of that`,
    ),
    ...when(
      left !== undefined && left < 300,
      "spec.renewBeforePercentage",
      `is ${percentage}, of which less than 5m is left; write less`,
    ),
    ...when(left !== undefined && left >= lives, "spec.renewBeforePercentage", `is ${percentage}; write more than 0`),
  ];
}

/** pkg/api/util/usages.go */
const usages = new Set(
  "signing,digital signature,content commitment,key encipherment,key agreement,data encipherment,cert sign,crl sign,encipher only,decipher only,any,server auth,client auth,code signing,email protection,s/mime,ipsec end system,ipsec tunnel,ipsec user,timestamping,ocsp signing,microsoft sgc,netscape sgc".split(
    ",",
  ),
);

const isQualified = (key: string) => {
  const [name = "", prefix, ...more] = key.split("/").reverse();
  return (
    more.length === 0 &&
    (prefix === undefined || subdomain.test(prefix)) &&
    /^(?=.{1,63}$)[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?$/.test(name)
  );
};

function secretTemplate({ labels, annotations }: Fields): Refusal[] {
  const [label, annotation] = ["spec.secretTemplate.labels", "spec.secretTemplate.annotations"];
  return [
    ...Object.entries(recordOf(labels)).flatMap(([key, value]) => [
      ...when(!isQualified(key), label, `has the key ${key}, which no label may have`),
      ...when(
        !/^(|(?=.{1,63}$)[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?)$/.test(textOf(value)),
        label,
        `has the value ${textOf(value)}, which no label may have`,
      ),
    ]),
    ...Object.keys(recordOf(annotations)).flatMap((key) => [
      ...when(
        key.startsWith("cert-manager.io/") && key !== "cert-manager.io/allow-direct-injection",
        annotation,
        `has ${key}, which is cert-manager's own; remove it`,
      ),
      ...when(!isQualified(key.toLowerCase()), annotation, `has the key ${key}, which no annotation may have`),
    ]),
  ];
}

function constraints({ nameConstraints, isCA }: Fields): Refusal[] {
  if (!isSet(nameConstraints)) return [];
  const { permitted, excluded } = recordOf(nameConstraints);
  return [
    ...when(isCA !== true, "spec.nameConstraints", "is for CAs alone; write isCA: true, or remove it"),
    ...when(
      !isSet(permitted) && !isSet(excluded),
      "spec.nameConstraints",
      "constrains nothing; write permitted or excluded",
    ),
  ];
}

function outputFormats({ additionalOutputFormats }: Fields): Refusal[] {
  const types = listOf(additionalOutputFormats).map((format) => textOf(recordOf(format)["type"]));
  return types.flatMap((type, i) =>
    when(types.indexOf(type) < i, "spec.additionalOutputFormats", `has ${type} twice; remove one`),
  );
}

function keystore(format: string, value: unknown): Refusal[] {
  if (!isSet(value)) return [];
  const { password, passwordSecretRef } = recordOf(value);
  const isReferred = given(recordOf(passwordSecretRef)["name"]);
  const path = `spec.keystores.${format}`;
  return [
    ...when(isSet(password) === isReferred, path, "wants one of passwordSecretRef and password"),
    ...when(password === "", `${path}.password`, "is empty; write passwordSecretRef"),
  ];
}

function renewal({ policy, windows }: Fields): Refusal[] {
  const all = listOf(windows);
  if (policy === "Disabled")
    return when(
      all.length > 0,
      "spec.renewal.windows",
      "is beside the policy Disabled, with which nothing is renewed; remove it",
    );
  return [
    ...when(policy !== "RenewBefore", "spec.renewal.policy", `is ${textOf(policy)}; write RenewBefore or Disabled`),
    ...all.flatMap((window, i) => {
      const { windowDuration, timezone, cron } = recordOf(window);
      const path = `spec.renewal.windows[${i}]`;
      return [
        ...when(!isSet(windowDuration), `${path}.windowDuration`, "is missing; write it"),
        ...when(
          given(timezone) && !isTimezone(timezone),
          `${path}.timezone`,
          `is ${textOf(timezone)}; write a name of the IANA's, as Europe/Berlin`,
        ),
        ...when(!given(cron), `${path}.cron`, "is missing; write it"),
      ];
    }),
  ];
}

function isTimezone(name: string): boolean {
  if (name === "Local") return true;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
