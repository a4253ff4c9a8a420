import { seconds } from "../../core/util/duration";
import { groupBy } from "../../core/util/groupBy";
import { owned, type KubernetesObject } from "../../core/util/kubernetes";
import { roleAndBinding } from "../spire/rbac";
import { spire } from "../../core/schema/spireNames";
import { anchorLifetime, anchorOf, anchorsSelfSigned, issuerLifetime, issuerName, rootName } from "./linkerd";
import { component, issuerRef, selfSignedOf, type CertificatesArgs, type IssuerRef, type Workload } from "./settings";
import { durationOf, namesOf, usagesOf } from "./workloads";

const group = "policy.cert-manager.io";

/** One thing that may be asked for: where, of whom, and what of it. */
interface Allowed {
  readonly name: string;
  readonly namespace: string;
  readonly issuer: IssuerRef;
  readonly allowed: object;
  readonly constraints: object;
}

/**
 * What approver-policy may approve: what this stack asks for, and nothing else. A CertificateRequestPolicy for each namespace and issuer, each CA, and SPIRE; and for
 * those who ask, cert-manager for Certificates and SPIRE's server for itself, the right to use them, without which they count for nobody (approver-policy
 * pkg/internal/approver/manager/predicate).
 *
 * @returns by what it is; empty without approval
 */
export function approvalObjects(args: CertificatesArgs): Record<string, KubernetesObject> {
  if (!args.approval) return {};
  const ofCertificates = [...authorities(args), ...linkerd(args), ...workloads(args)];
  const ofSpire = args.spire ? [servers(args.spire)] : [];
  const controller = { name: args.serviceAccount, namespace: args.namespace };
  return {
    ...Object.fromEntries(
      [...ofCertificates, ...ofSpire].map((allowed) => [`policy-${allowed.name}`, policy(allowed)]),
    ),
    ...use("approval", controller, ofCertificates),
    ...use("approval-spire", { name: spire.server, namespace: spire.namespace }, ofSpire),
  };
}

const policy = ({ name, namespace, issuer, allowed, constraints }: Allowed): KubernetesObject => ({
  apiVersion: `${group}/v1alpha1`,
  kind: "CertificateRequestPolicy",
  metadata: { name: `zero-trust-${name}`, ...owned(component) },
  spec: { allowed, constraints, selector: { issuerRef: issuer, namespace: { matchNames: [namespace] } } },
});

function use(thing: string, account: { name: string; namespace: string }, allowed: readonly Allowed[]) {
  if (allowed.length === 0) return {};
  const resourceNames = allowed.map(({ name }) => `zero-trust-${name}`);
  const rules = [{ apiGroups: [group], resources: ["certificaterequestpolicies"], resourceNames, verbs: ["use"] }];
  const [role, binding] = roleAndBinding(account, rules, undefined, `zero-trust-${thing}`);
  return { [`${thing}-role`]: role, [`${thing}-binding`]: binding };
}

/** The certificates of the CAs that sign themselves. */
const authorities = ({ issuers, namespace }: CertificatesArgs): Allowed[] =>
  Object.entries(issuers).flatMap(([name, { ca }]) =>
    ca
      ? [
          {
            name: `ca-${name}`,
            namespace,
            issuer: selfSignedOf(name),
            allowed: {
              commonName: { value: ca.commonName ?? name, required: true },
              isCA: true,
              usages: ["cert sign", "crl sign"],
            },
            constraints: { maxDuration: ca.duration, privateKey: { algorithm: "ECDSA", minSize: 384 } },
          },
        ]
      : [],
  );

/** The roots of Linkerd, and the CA below them. */
function linkerd(args: CertificatesArgs): Allowed[] {
  if (!args.linkerd) return [];
  const { clusterDomain, namespace } = args;
  const { anchors, namespace: linkerds } = args.linkerd;
  const ca = { isCA: true, usages: ["cert sign", "crl sign"] };
  const privateKey = { algorithm: "ECDSA", minSize: 256, maxSize: 256 };
  return [
    {
      name: "linkerd-anchors",
      namespace,
      issuer: anchorsSelfSigned,
      allowed: { ...ca, commonName: { value: rootName(clusterDomain), required: true } },
      constraints: { maxDuration: anchorLifetime, privateKey },
    },
    ...anchors.map((anchor) => ({
      name: `linkerd-issuer-${anchor}`,
      namespace: linkerds,
      issuer: { ...anchorsSelfSigned, name: anchorOf(anchor) },
      allowed: {
        ...ca,
        usages: [...ca.usages, "server auth", "client auth"],
        commonName: { value: issuerName(args), required: true },
        dnsNames: { values: [issuerName(args)], required: true },
      },
      constraints: { maxDuration: issuerLifetime.duration, privateKey },
    })),
  ];
}

/** The workloads of a namespace that have one issuer. */
const workloads = (args: CertificatesArgs): Allowed[] =>
  [...groupBy(args.workloads, ({ namespace, issuer }) => `${namespace}.${issuer}`)].map(([name, group]) => {
    const [{ namespace, issuer }] = group;
    const longest = longestOf(args, group);
    const organizations = [...new Set(group.flatMap((workload) => workload.organizations))];
    return {
      name: `workloads-${name}`,
      namespace,
      issuer: issuerRef(args, issuer),
      allowed: {
        dnsNames: { values: [...new Set(group.flatMap((workload) => namesOf(args, workload)))], required: true },
        ...(organizations.length > 0 ? { subject: { organizations: { values: organizations } } } : {}),
        usages: usagesOf(args, group[0]),
      },
      constraints: {
        // Where the CA alone decides, the request says nothing of it.
        ...(longest === undefined ? {} : { maxDuration: longest }),
        privateKey: { algorithm: "ECDSA", minSize: 384 },
      },
    };
  });

const longestOf = (args: CertificatesArgs, group: readonly Workload[]): string | undefined =>
  group
    .flatMap((workload) => durationOf(args, workload) ?? [])
    .sort((a, b) => (seconds(b) ?? 0) - (seconds(a) ?? 0))[0];

/**
 * The CAs of SPIRE's servers (spire pkg/server/plugin/upstreamauthority/certmanager/api.go): named after the trust domain, with its SPIFFE ID, and a serial number in
 * their subject that is another each time (pkg/server/credtemplate/builder.go).
 */
const servers = ({ issuer, trustDomain, duration }: NonNullable<CertificatesArgs["spire"]>): Allowed => ({
  name: "spire",
  namespace: spire.namespace,
  issuer,
  allowed: {
    commonName: { value: trustDomain, required: true },
    subject: { serialNumber: { value: "*" } },
    uris: { values: [`spiffe://${trustDomain}`], required: true },
    isCA: true,
    usages: ["cert sign", "crl sign"],
  },
  constraints: { maxDuration: duration, privateKey: { algorithm: "ECDSA", minSize: 256 } },
});
