import { owned, type KubernetesObject } from "../../core/util/kubernetes";
import { apiVersion } from "./issuers";
import { component, type CertificatesArgs, type IssuerRef } from "./settings";

/** Names that Linkerd's chart has: the Secret of its issuer, and the ConfigMap with the roots of all proxies, with its key (charts/linkerd-control-plane). */
export const linkerdNames = {
  issuer: "linkerd-identity-issuer",
  roots: "linkerd-identity-trust-roots",
  rootsKey: "ca-bundle.crt",
} as const;

/** A root of the mesh: its Certificate and Secret in cert-manager's namespace, and the ClusterIssuer that signs with it. */
export const anchorOf = (name: string) => `linkerd-trust-anchor-${name}`;

const clusterIssuer = (name: string): IssuerRef => ({ name, kind: "ClusterIssuer", group: "cert-manager.io" });

/** Who signs the anchors. */
export const anchorsSelfSigned = clusterIssuer("linkerd-trust-anchor-selfsigned");

/** Which anchor signs the issuer: the first, unless the configuration says otherwise. */
export const signerOf = ({ anchors, signer = anchors[0] ?? "" }: NonNullable<CertificatesArgs["linkerd"]>): string =>
  signer;

/** The name in the issuer's certificate that Linkerd's identity controller looks for (linkerd2 controller/cmd/identity/main.go). */
export const issuerName = ({ clusterDomain, linkerd }: CertificatesArgs): string =>
  `identity.${linkerd?.namespace}.${clusterDomain}`;

/** Lifetimes as Linkerd's documentation has them: a leaf of a day ends before the issuer that signed it has been replaced. */
export const issuerLifetime = { duration: "48h", renewBefore: "25h" } as const;
export const anchorLifetime = "87600h";

/** Linkerd takes no other (linkerd2 pkg/issuercerts, CheckCertAlgoRequirements). */
const privateKey = { algorithm: "ECDSA", size: 256 } as const;

/**
 * The roots of a Linkerd and what signs its proxies' certificates, in order: anchors that sign themselves, the issuer below one of them in Linkerd's namespace, and, by
 * trust-manager, all of them as the roots that proxies start with. An anchor keeps its key when it is renewed, as the CAs of issuers do: another key is another
 * anchor, beside the one before until every proxy knows both.
 *
 * @returns by what it is; empty without Linkerd
 */
export function linkerdObjects(args: CertificatesArgs): Record<string, KubernetesObject> {
  const { linkerd } = args;
  if (!linkerd) return {};
  return {
    selfsigned: issuer(anchorsSelfSigned.name, { selfSigned: {} }),
    ...Object.fromEntries(
      linkerd.anchors.flatMap((name) => [
        [`anchor-${name}`, anchor(args, name)],
        [`anchor-${name}-issuer`, issuer(anchorOf(name), { ca: { secretName: anchorOf(name) } })],
      ]),
    ),
    issuer: identityIssuer(args, linkerd),
    roots: {
      apiVersion: "trust.cert-manager.io/v1alpha1",
      kind: "Bundle",
      metadata: { name: linkerdNames.roots, ...owned(component) },
      spec: {
        sources: linkerd.anchors.map((name) => ({ secret: { name: anchorOf(name), key: "tls.crt" } })),
        target: {
          configMap: { key: linkerdNames.rootsKey },
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": linkerd.namespace } },
        },
      },
    },
  };
}

function anchor({ clusterDomain, namespace }: CertificatesArgs, name: string): KubernetesObject {
  return {
    apiVersion,
    kind: "Certificate",
    metadata: { name: anchorOf(name), namespace, ...owned(component) },
    spec: {
      isCA: true,
      commonName: rootName(clusterDomain),
      secretName: anchorOf(name),
      duration: anchorLifetime,
      privateKey: { ...privateKey, rotationPolicy: "Never" },
      usages: ["cert sign", "crl sign"],
      issuerRef: anchorsSelfSigned,
    },
  };
}

/** The common name of every anchor. */
export const rootName = (clusterDomain: string) => `root.linkerd.${clusterDomain}`;

function identityIssuer(args: CertificatesArgs, linkerd: NonNullable<CertificatesArgs["linkerd"]>): KubernetesObject {
  return {
    apiVersion,
    kind: "Certificate",
    metadata: { name: linkerdNames.issuer, namespace: linkerd.namespace, ...owned(component) },
    spec: {
      isCA: true,
      commonName: issuerName(args),
      dnsNames: [issuerName(args)],
      secretName: linkerdNames.issuer,
      ...issuerLifetime,
      privateKey: { ...privateKey, rotationPolicy: "Always" },
      usages: ["cert sign", "crl sign", "server auth", "client auth"],
      issuerRef: clusterIssuer(anchorOf(signerOf(linkerd))),
    },
  };
}

const issuer = (name: string, spec: object): KubernetesObject => ({
  apiVersion,
  kind: "ClusterIssuer",
  metadata: { name, ...owned(component) },
  spec,
});

/** What Linkerd's chart `linkerd-control-plane` has to be told: neither roots nor issuer are its own. */
export const linkerdValues = {
  identity: { externalCA: true, issuer: { scheme: "kubernetes.io/tls" } },
} as const;
