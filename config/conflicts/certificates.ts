import { isInternalName, isInZone } from "../../core/util/dnsNames";
import { seconds } from "../../core/util/duration";
import type { Conflict, PartialConfig } from "./conflict";
import { valueAt, type Path } from "../../core/util/path";
import type { CertificatesConfig } from "../../core/schema/schema";
import { takenTwice } from "./takenTwice";

type Issuer = CertificatesConfig["issuers"][string];
type Workload = CertificatesConfig["workloads"][number];

/** What a CA's lifetime has to be of what it signs: cert-manager renews a CA when a third of its life is left (pkg/util/pki/renewaltime.go). */
const share = 3;
const hours = (n: number) => n * 3600;

/** Certificates that nobody would issue, or that would outlive who vouches for them. */
export function certificateConflicts(config: PartialConfig): Conflict[] {
  const { certificates } = config;
  if (!certificates) return [];
  // What is ill-formed is left out.
  const { issuers = {}, workloads = [] } = certificates;
  return [
    ...takenTwice(["certificates", "workloads"], workloads, ({ name, namespace }) => `${namespace}/${name}`),
    ...Object.entries(issuers).flatMap(([name, issuer]) => issuerConflicts(name, issuer, issuers)),
    ...workloads.flatMap((workload, i) => {
      const at = ["certificates", "workloads", i];
      const issuer = Object.hasOwn(issuers, workload.issuer) ? issuers[workload.issuer] : undefined;
      return [
        ...places(workload, certificates.namespace, at),
        ...(issuer ? [] : [unknownIssuer([...at, "issuer"], issuers)]),
        ...(issuer?.acme ? publicOnly(workload, issuer.acme, certificates.clusterDomain, at) : []),
        ...lifetimes(workload, issuer, at),
      ];
    }),
    ...ofSpire(config, issuers),
    ...noRoots(certificates.trust, issuers),
    ...ofLinkerd(config, issuers),
    ...ours.flatMap((path) =>
      valueAt(certificates.values, path) === undefined
        ? []
        : [{ path: ["certificates", "values", ...path], hint: { allowed: "nothing: this program sets it" } }],
    ),
  ];
}

/** What is ours in the values of cert-manager's chart: what is deleted with it, where it looks for secrets, who approves, and whose account it is. */
const ours: readonly Path[] = [
  ["crds"],
  ["installCRDs"],
  ["namespace"],
  ["clusterResourceNamespace"],
  ["disableAutoApproval"],
  ["nameOverride"],
  ["fullnameOverride"],
  ["serviceAccount", "create"],
  ["serviceAccount", "name"],
  ["enableCertificateOwnerRef"],
];

function issuerConflicts(name: string, { ca }: Issuer, issuers: CertificatesConfig["issuers"]): Conflict[] {
  const path = ["certificates", "issuers", name];
  const selfSigned = `${name}-selfsigned`;
  return [
    ...(name.startsWith("cert-manager")
      ? [{ path, hint: { allowed: "a name that does not begin with cert-manager, as those of its chart do" } }]
      : []),
    ...(ca && Object.hasOwn(issuers, selfSigned)
      ? [
          {
            path: ["certificates", "issuers", selfSigned],
            hint: { allowed: `another name: ${name} has an issuer of this one` },
          },
        ]
      : []),
    ...(ca && (seconds(ca.duration) ?? 0) < hours(24 * share)
      ? [
          {
            path: [...path, "ca", "duration"],
            hint: { allowed: `${24 * share}h or longer, for certificates of a day`, example: "87600h" },
          },
        ]
      : []),
  ];
}

function places({ service, dnsNames, namespace }: Workload, certManagers: string | undefined, at: Path): Conflict[] {
  return [
    ...(service === undefined && dnsNames.length === 0
      ? [
          {
            path: [...at, "service"],
            hint: { allowed: "a Service's name, or dnsNames: it is for nobody", example: "api" },
          },
        ]
      : []),
    ...(namespace === certManagers
      ? [
          {
            path: [...at, "namespace"],
            hint: { allowed: "a namespace of workloads: in this one are the keys of CAs", example: "orders" },
          },
        ]
      : []),
  ];
}

function unknownIssuer(path: Path, issuers: CertificatesConfig["issuers"]): Conflict {
  const [first, ...others] = Object.keys(issuers);
  const one =
    first === undefined
      ? "one of certificates.issuers, of which there is none"
      : `one of certificates.issuers: ${[first, ...others].join(", ")}`;
  return {
    path,
    hint: {
      allowed: `${one}; one that is there already is among them with existing: {}`,
      example: first ?? "internal",
    },
  };
}

/** What an ACME issuer cannot do: names that the world does not know or whose zone no solver answers for, and what the CA alone decides. */
function publicOnly(
  workload: Workload,
  { solvers }: NonNullable<Issuer["acme"]>,
  clusterDomain: string | undefined,
  at: Path,
): Conflict[] {
  const decided = (["service", "duration", "renewBefore", "organizations"] as const).filter((key) => {
    const value = workload[key];
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  });
  const because = {
    service: "no public CA knows the cluster's names",
    duration: "the CA decides it",
    renewBefore: "the CA decides how long it is",
    organizations: "the CA vouches for names alone",
  };
  return [
    ...decided.map((key) => ({
      path: [...at, key],
      hint: { allowed: `nothing with an ACME issuer: ${because[key]}` },
    })),
    ...workload.dnsNames.flatMap((name, i) => {
      const path = [...at, "dnsNames", i];
      if (isInternalName(name, clusterDomain))
        return [
          {
            path,
            hint: { allowed: "a public name: with an ACME issuer the CA has to find it", example: "api.example.com" },
          },
        ];
      const zones = solvers.flatMap((solver) => solver.dnsZones.map((zone) => ({ zone, solver })));
      const [found] = zones.filter(({ zone }) => isInZone(name, zone)).sort((a, b) => b.zone.length - a.zone.length);
      if (!found)
        return [
          {
            path,
            hint: { allowed: `a name in a zone of the issuer's solvers: ${zones.map(({ zone }) => zone).join(", ")}` },
          },
        ];
      if (name.startsWith("*.") && !found.solver.route53)
        return [{ path, hint: { allowed: "a name without *, which is shown by DNS-01 alone, in Route 53 here" } }];
      return [];
    }),
  ];
}

/** What cert-manager's webhook takes of lifetimes (internal/apis/certmanager/validation/certificate.go, ValidateDuration), and that a leaf ends before its CA. */
function lifetimes({ duration = "24h", renewBefore }: Workload, issuer: Issuer | undefined, at: Path): Conflict[] {
  if (issuer?.acme) return [];
  const [lives, before] = [seconds(duration) ?? 0, seconds(renewBefore)];
  const longest = issuer?.ca ? (seconds(issuer.ca.duration) ?? 0) / share : Infinity;
  return [
    ...(lives < hours(1) ? [{ path: [...at, "duration"], hint: { allowed: "1h or longer", example: "24h" } }] : []),
    ...(lives > longest
      ? [
          {
            path: [...at, "duration"],
            hint: {
              allowed: `${Math.floor(longest / 3600)}h at most, a third of its CA's, so that it ends first`,
              example: "24h",
            },
          },
        ]
      : []),
    ...(before !== undefined && (before < 300 || before >= lives)
      ? [
          {
            path: [...at, "renewBefore"],
            hint: { allowed: `5m or longer, and less than the duration, ${duration}`, example: "8h" },
          },
        ]
      : []),
  ];
}

/** The authority above SPIRE's servers, where it is one of these issuers. */
function ofSpire({ spire }: PartialConfig, issuers: CertificatesConfig["issuers"]): Conflict[] {
  const asked = spire?.upstreamAuthority?.certManager;
  if (asked?.issuer === undefined) return [];
  const path = ["spire", "upstreamAuthority", "certManager"];
  const issuer = Object.hasOwn(issuers, asked.issuer) ? issuers[asked.issuer] : undefined;
  if (!issuer)
    return asked.kind === "ClusterIssuer" && asked.group === "cert-manager.io"
      ? [unknownIssuer([...path, "issuer"], issuers)]
      : [];
  const { kind, group } = issuer.existing ?? { kind: "ClusterIssuer", group: "cert-manager.io" };
  const ca = seconds(spire?.ttl?.ca) ?? 0;
  const longest = issuer.ca ? (seconds(issuer.ca.duration) ?? 0) / share : Infinity;
  return [
    ...(kind === asked.kind
      ? []
      : [
          {
            path: [...path, "kind"],
            hint: { allowed: `${kind}, which certificates.issuers.${asked.issuer} is`, example: kind },
          },
        ]),
    ...(group === asked.group
      ? []
      : [
          {
            path: [...path, "group"],
            hint: { allowed: `${group}, which certificates.issuers.${asked.issuer} is of`, example: group },
          },
        ]),
    ...(issuer.acme
      ? [{ path: [...path, "issuer"], hint: { allowed: "an issuer that may sign CAs, which no ACME issuer may" } }]
      : []),
    ...(ca > longest
      ? [
          {
            path: ["spire", "ttl", "ca"],
            hint: {
              allowed: `${Math.floor(longest / 3600)}h at most, a third of what certificates.issuers.${asked.issuer} lives`,
              example: "168h",
            },
          },
        ]
      : []),
  ];
}

function noRoots(trust: CertificatesConfig["trust"], issuers: CertificatesConfig["issuers"]): Conflict[] {
  if (!trust || (trust.roots ?? []).length > 0 || Object.values(issuers).some(({ ca }) => ca)) return [];
  return [
    {
      path: ["certificates", "trust"],
      hint: { allowed: "roots in it, or an issuer with ca: there is no root to distribute" },
    },
  ];
}

/** Linkerd's roots where there is no Linkerd, under names that are taken, or with a signer that is none of them. */
function ofLinkerd({ certificates, mesh }: PartialConfig, issuers: CertificatesConfig["issuers"]): Conflict[] {
  const { linkerd, namespace, trust } = certificates ?? {};
  if (!linkerd) return [];
  const path = ["certificates", "linkerd"];
  const { anchors = [], signer } = linkerd;
  const taken = Object.keys(issuers).filter((name) => name.startsWith("linkerd-trust-anchor"));
  return [
    ...(mesh?.linkerd ? [] : [{ path, hint: { allowed: "nothing without mesh.linkerd, whose roots they are" } }]),
    ...(signer === undefined || anchors.includes(signer)
      ? []
      : [
          {
            path: [...path, "signer"],
            hint: { allowed: `one of its anchors: ${anchors.join(", ")}`, example: anchors[0] ?? "first" },
          },
        ]),
    ...(linkerd.namespace !== undefined && linkerd.namespace === namespace
      ? [
          {
            path: [...path, "namespace"],
            hint: { allowed: "Linkerd's namespace: in cert-manager's are the keys of CAs", example: "linkerd" },
          },
        ]
      : []),
    ...(trust?.name === "linkerd-identity-trust-roots"
      ? [{ path: ["certificates", "trust", "name"], hint: { allowed: "another name: this one is Linkerd's" } }]
      : []),
    ...taken.map((name) => ({
      path: ["certificates", "issuers", name],
      hint: { allowed: "another name: Linkerd's anchors are called so" },
    })),
  ];
}
