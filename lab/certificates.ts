import { generateKeyPairSync, randomBytes } from "node:crypto";
import { md, pki } from "node-forge";

/** A certificate and its private key, both as PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** Whom a certificate is for. */
export interface Subject {
  /** The user, where a program shows it to the API server. */
  readonly commonName: string;
  /** The user's group. */
  readonly organization?: string;
  readonly names?: readonly string[];
  readonly addresses?: readonly string[];
}

/** The cluster's certificate authority, for as long as the lab lives: a day is more than that. */
export class Authority {
  private readonly keys = keyPair();
  /** Of all that it issues certificates to, none of which needs to be safe from another: to make one takes a good part of a second. */
  private readonly subjects = keyPair();
  private readonly self: pki.Certificate;

  constructor() {
    this.self = this.unsigned(this.keys.publicKey, { commonName: "lab" });
    this.self.setIssuer(this.self.subject.attributes);
    this.self.setExtensions([
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
      { name: "subjectKeyIdentifier" },
    ]);
    this.self.sign(this.keys.privateKey, md.sha256.create());
  }

  /** Its own certificate, as PEM. */
  get certificate(): string {
    return pki.certificateToPem(this.self);
  }

  /** Its private key, as PEM, for who signs in its place. */
  get key(): string {
    return pki.privateKeyToPem(this.keys.privateKey);
  }

  /** A certificate for a server, a client, or who is both. */
  issue(subject: Subject): Certificate {
    const { publicKey, privateKey } = this.subjects;
    const certificate = this.unsigned(publicKey, subject);
    certificate.setIssuer(this.self.subject.attributes);
    const alternatives = [
      ...(subject.names ?? []).map((value) => ({ type: 2, value })),
      ...(subject.addresses ?? []).map((ip) => ({ type: 7, ip })),
    ];
    certificate.setExtensions([
      { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
      { name: "extKeyUsage", serverAuth: true, clientAuth: true },
      ...(alternatives.length > 0 ? [{ name: "subjectAltName", altNames: alternatives }] : []),
    ]);
    certificate.sign(this.keys.privateKey, md.sha256.create());
    return { certificate: pki.certificateToPem(certificate), key: pki.privateKeyToPem(privateKey) };
  }

  private unsigned(publicKey: pki.rsa.PublicKey, { commonName, organization }: Subject): pki.Certificate {
    const certificate = pki.createCertificate();
    certificate.publicKey = publicKey;
    // Positive, hence the leading digit.
    certificate.serialNumber = `1${randomBytes(8).toString("hex")}`;
    const now = Date.now();
    certificate.validity.notBefore = new Date(now - 60_000);
    certificate.validity.notAfter = new Date(now + 24 * 3_600_000);
    certificate.setSubject([
      ...(organization === undefined ? [] : [{ name: "organizationName", value: organization }]),
      { name: "commonName", value: commonName },
    ]);
    return certificate;
  }
}

/** Made by Node: in JavaScript alone it would take seconds. */
function keyPair(): { publicKey: pki.rsa.PublicKey; privateKey: pki.rsa.PrivateKey } {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  return { publicKey: pki.publicKeyFromPem(publicKey), privateKey: pki.privateKeyFromPem(privateKey) };
}
