import * as z from "zod";
import {
  googleServiceAccount,
  boolean,
  choice,
  duration,
  formed,
  hostAndPort,
  json,
  name,
  namespace,
  object,
  oneOf,
  path,
  region,
  secretIn,
  section,
  some,
  text,
  trustDomain,
  url,
} from "./fields";

/** What SPIRE's servers are connected to. What their secrets hold is nowhere but in Secrets of the namespace spire. */

const secretName = (example: string, where = "the namespace spire") => secretIn(where, example);
/** What needs no quotes in a connection string, whatever the database. */
const identifier = text(/^[A-Za-z_][\w-]{0,62}$/, "letters, digits, _ and -, at most 63", "spire");
const arn = (service: string, example: string) =>
  text(new RegExp(`^arn:aws[\\w-]*:${service}:[^\\s"$]+$`), "an ARN of AWS", example);
const role = arn("iam", "arn:aws:iam::123456789012:role/spire-server");

/** A database that is there already (docs/spire.md). */
export const database = object({
  /** `<host>:<port>` */
  address: hostAndPort("the database", "postgres.databases.svc:5432"),
  database: identifier.default("spire"),
  /** Who may make tables in it: SPIRE does, and changes them when it is upgraded. */
  user: identifier.default("spire"),
  /** A Secret that has the user's password. @default one that this program makes, with a password that it generates */
  passwordSecret: object({
    name: secretName("database"),
    key: text(/^[-\w.]+$/, "a key", "password").default("password"),
  }).optional(),
  tls: section({
    /** Whether the database's certificate and its name are verified, or the connection is in clear. */
    mode: choice("verify-full", "disable").default("verify-full"),
    /** A Secret with the database's CA as ca.crt. @default the CAs in SPIRE's image */
    caSecret: secretName("database-ca").optional(),
    /** A Secret with the certificate of SPIRE's user, as tls.crt and tls.key. */
    clientSecret: secretName("database-client").optional(),
  }),
});

/** Vault, or OpenBao, by its auth method for Kubernetes and the service account spire-server. */
const vault = {
  address: url("Vault", "https://vault.vault.svc:8200"),
  /** The auth method's role for the service account spire-server of the namespace spire. */
  role: path("spire"),
  /** Where the auth method is mounted. */
  authMount: path("kubernetes").default("kubernetes"),
  /** What the role wants the service account's token to be for. */
  audience: text(/^\S+$/, "an audience", "vault").default("vault"),
  /** Of Vault Enterprise. */
  namespace: path("platform").optional(),
  /** A Secret with Vault's CA as ca.crt. @default the CAs in SPIRE's image */
  caSecret: secretName("vault-ca").optional(),
};

export const upstreamAuthority = oneOf({
  /** cert-manager, by CertificateRequests in the namespace spire. */
  certManager: object({
    /** One that may sign CAs. */
    issuer: name,
    kind: text(/^[A-Z]\w*$/, "a kind", "ClusterIssuer").default("Issuer"),
    group: text(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, "an API group", "cert-manager.io").default("cert-manager.io"),
  }).optional(),
  /** The engine pki. */
  vault: object({ ...vault, pkiMount: path("pki").default("pki") }).optional(),
  /** A CA of yours. */
  disk: object({
    /** A Secret with the CA's certificate and chain as tls.crt, its key as tls.key, and its roots as ca.crt. */
    secret: secretName("upstream-ca"),
  }).optional(),
  awsPca: object({
    region,
    certificateAuthorityArn: arn(
      "acm-pca",
      "arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/12345678-1234-1234-1234-123456789012",
    ),
    /** @default SPIRE's own: a CA below which there is none */
    signingTemplateArn: arn("acm-pca", "arn:aws:acm-pca:::template/SubordinateCACertificate_PathLen0/V1").optional(),
    /** The IAM role that EKS gives the service account spire-server. @default who the pod is anyway */
    roleArn: role.optional(),
    /** An IAM role that is assumed for it. */
    assumeRoleArn: role.optional(),
  }).optional(),
});

export const keyManager = oneOf({
  /** Gone with the server's pod: only with an upstreamAuthority. */
  memory: object({}).optional(),
  awsKms: object({
    region,
    /** The IAM role that EKS gives the service account spire-server. @default who the pod is anyway */
    roleArn: role.optional(),
  }).optional(),
  gcpKms: object({
    keyRing: text(
      /^projects\/[^/\s"$]+\/locations\/[^/\s"$]+\/keyRings\/[^/\s"$]+$/,
      "projects/<project>/locations/<location>/keyRings/<key ring>",
      "projects/platform/locations/europe-west3/keyRings/spire",
    ),
    /** The Google service account that GKE gives the pod. @default who the pod is anyway */
    serviceAccount: googleServiceAccount.optional(),
  }).optional(),
  azureKeyVault: object({
    uri: url("the key vault", "https://spire.vault.azure.net/"),
    /** The client id of the managed identity that AKS gives the pod. @default who the pod is anyway */
    clientId: text(
      /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      "a client id",
      "12345678-1234-1234-1234-123456789012",
    ).optional(),
  }).optional(),
  /** The engine transit, with SPIRE 1.15 or later. */
  vault: object({ ...vault, transitPath: path("transit").default("transit") }).optional(),
});

/** How long an identity lives, who else may verify it or is verified by it, and by what a workload with several tells it. */
const identity = {
  /** @default those of spire.ttl */
  ttl: section({ x509Svid: duration("1h").optional(), jwtSvid: duration("5m").optional() }),
  /** Trust domains of `federation` whose bundles come with it. */
  federatesWith: json(z.array(trustDomain)).prefault([]),
  /** By which a workload with several identities tells this one. */
  hint: text(/^[\w.-]{1,63}$/, "letters, digits, _, . and -, at most 63", "internal").optional(),
};

export const workloadIds = object({
  /** Of the ClusterSPIFFEID. */
  name,
  namespaces: some(namespace, { allowed: "a namespace's name", example: "orders" }),
  /** The path of their SPIFFE ID, in which {namespace}, {serviceAccount} and {pod} stand for the pod's. */
  path: text(
    /^(\/([\w.-]|\{(namespace|serviceAccount|pod)\})+)+$/,
    "a path, with {namespace}, {serviceAccount} or {pod} where the pod's are to be",
    "/ns/{namespace}/sa/{serviceAccount}",
  ).default("/ns/{namespace}/sa/{serviceAccount}"),
  /** Whether the names of the Services that lead to a pod are in its certificate. */
  dnsNames: boolean("true").default(false),
  ...identity,
});

export const staticEntry = object({
  /** Of the ClusterStaticEntry. */
  name,
  /** The path of its SPIFFE ID. */
  path: text(/^(\/[\w.-]+)+$/, "a path", "/node-exporter"),
  /** What a process must have, all of it, as SPIRE's agents tell processes. */
  selectors: some(text(/^[a-z][\w-]*:\S+$/, "<type>:<value>", "k8s:sa:node-exporter"), {
    allowed: "a selector of SPIRE's: <type>:<value>",
    example: "k8s:ns:monitoring",
  }),
  /** DNS names of its certificate. */
  dnsNames: json(z.array(text(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, "a DNS name", "metrics.monitoring.svc"))).prefault(
    [],
  ),
  ...identity,
});

const bundle = json(z.looseObject({ keys: z.array(z.looseObject({})).min(1) }));

/** Another trust domain, and where its bundles come from. */
const peer = formed(
  {
    trustDomain,
    /** Its server's bundle endpoint. */
    endpoint: url("the peer's bundle endpoint", "https://spire.infra.example.com:8443"),
    /** Who its certificate is from: its own SPIRE, or one of the web's CAs. */
    profile: choice("https_spiffe", "https_web").default("https_spiffe"),
    /** The stack of this program that deploys it, of whose outputs its first bundle is. */
    stack: text(/^[\w.-]+(\/[\w.-]+\/[\w.-]+)?$/, "<stack>, or <organization>/<project>/<stack>", "infra").optional(),
    /** Instead of that: its first bundle, as SPIFFE has it in JSON. */
    bundle: bundle.optional(),
  },
  ({ profile, stack, bundle }) => {
    const given = [stack, bundle].filter((value) => value !== undefined).length;
    const one = { allowed: "a stack, or a bundle, of which it is not without one", example: "infra" };
    const none = { allowed: "nothing: with https_web the web's CAs say who the peer is" };
    if (profile === "https_web") return given === 0 ? [] : [{ path: [stack ? "stack" : "bundle"], ...none }];
    return given === 1 ? [] : [{ path: ["stack"], ...one }];
  },
  {
    allowed: "a trust domain, its endpoint, and its stack or its bundle",
    example: '{"trustDomain":"infra.zt.internal",…}',
  },
);

export const federation = object({
  /** The Service by which peers reach this cluster's bundle endpoint, on port 8443: behind ClusterIP something of yours that passes TLS through. */
  service: choice("ClusterIP", "LoadBalancer").default("ClusterIP"),
  /** Of that Service: what the cloud's load balancer wants to be told. */
  annotations: json(z.record(z.string(), z.string())).prefault({}),
  with: json(z.array(peer)).prefault([]),
});

export const monitoring = object({
  /** The namespace of Prometheus, which alone may ask the servers. */
  namespace: namespace.default("monitoring"),
  /** Labels by which Prometheus chooses PodMonitors and PrometheusRules. */
  labels: json(z.record(z.string(), z.string())).prefault({}),
});

export const csi = object({
  /** Where the nodes' kubelets keep what is theirs: with k0s /var/lib/k0s/kubelet, with MicroK8s /var/snap/microk8s/common/var/lib/kubelet. A symbolic link to it will not do. */
  kubeletDirectory: text(/^(\/[\w.-]+)+$/, "an absolute path on the nodes", "/var/lib/kubelet").default(
    "/var/lib/kubelet",
  ),
});

export const oidc = object({
  /** Under which they find it, as https://<domain>: the issuer in every JWT-SVID. */
  domain: text(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/, "a DNS name", "oidc.example.com"),
  /** A Secret in the agents' namespace with a certificate for it, as tls.crt and tls.key. */
  tlsSecret: secretName("oidc-tls", "the agents' namespace"),
});
