import type { SpireSize } from "../../core/schema/spireSizes";

/** What one SPIRE deployment is made from: plain values only, so that a guardrail never meets an unknown. */
export type SpireArgs = ManagedSpire | BundledSpire;

/** Cilium's chart installs SPIRE into a namespace that is ours: the chart's own would be refused where Pod Security is enforced. */
export interface BundledSpire {
  readonly install: "bundled";
}

/** The SPIRE that this program deploys. */
export interface ManagedSpire {
  readonly install: "managed";
  /** Where the agents are. In SPIRE's own namespace that must be privileged for them; in another, SPIRE's own enforces `restricted`. */
  readonly agentNamespace: string;
  /** Bare, lower case: `apps.zt.internal`. It cannot be changed later: every identity contains it. */
  readonly trustDomain: string;
  /** Name of the cluster in k8s_psat, and prefix of the registration entries that are ours. */
  readonly clusterName: string;
  /** SPIRE's version, `1.15.3`. */
  readonly version: string;
  /** For how large a cluster. @default small */
  readonly size?: SpireSize;
  /** Servers. More than one needs a shared datastore. */
  readonly replicas: number;
  /** Where the servers keep entries, nodes and bundles: one in a file on its volume, several in a database that they share. */
  readonly datastore: { readonly type: "sqlite3" } | SharedDatastore;
  readonly upstreamAuthority: UpstreamAuthority;
  readonly keyManager: KeyManager;
  /** What agents show to be nodes. @default the tokens of their pods */
  readonly nodeAttestor?: NodeAttestor;
  /** Whose pods get an identity each, beside what Cilium registers. */
  readonly workloads: readonly WorkloadIds[];
  /** Identities that are told by other selectors than a pod's. */
  readonly entries: readonly StaticEntry[];
  /** Other trust domains, and how they reach this one. */
  readonly federation?: Federation;
  /** Whether the API server refuses entries that would make an admin or be somebody else's, whoever writes them. */
  readonly admissionPolicy: boolean;
  /** Whether the servers may call nobody but the API server and whom these arguments name. */
  readonly egressPolicy?: true;
  /** Who watches it. */
  readonly monitoring?: Monitoring | undefined;
  /** By which others verify JWT-SVIDs. */
  readonly oidc?: Oidc | undefined;
  /** By which pods get their agent's socket. */
  readonly csi?: Csi | undefined;
  /** Whether agents accept any certificate from the kubelet. */
  readonly skipKubeletVerification: boolean;
  /** Whole references where they are not SPIRE's own at this version, and when the kubelet pulls. */
  readonly images: {
    readonly server?: string | undefined;
    readonly agent?: string | undefined;
    readonly controllerManager?: string | undefined;
    readonly oidcProvider?: string | undefined;
    readonly postgres?: string | undefined;
    readonly csiDriver?: string | undefined;
    readonly csiRegistrar?: string | undefined;
    readonly pullPolicy: "IfNotPresent" | "Always" | "Never";
  };
  /** Where Cilium's agents and operator run. Without it nothing of SPIRE knows of a Cilium: another mesh takes its identities. */
  readonly ciliumNamespace?: string;
  /** A server's volume: a Kubernetes quantity, and the cluster's default class unless one is named. */
  readonly storage: { readonly size: string; readonly className?: string | undefined };
  /** Lifetimes as Go durations: `168h`. */
  readonly ttl: { readonly ca: string; readonly agent: string; readonly x509Svid: string; readonly jwtSvid: string };
}

/** A database that is there already, unless it is a lab's, and in it one for SPIRE, whose user may make tables: SPIRE does. */
export interface SharedDatastore {
  readonly type: "postgres" | "mysql";
  /** `<host>:<port>` */
  readonly address: string;
  readonly database: string;
  readonly user: string;
  /** A Secret in SPIRE's namespace, and its key. @default one that this program makes, with a password that it generates */
  readonly passwordSecret?: { readonly name: string; readonly key: string } | undefined;
  readonly tls: {
    /** Whether the database's certificate and name are verified, or the connection is in clear. */
    readonly mode: "verify-full" | "disable";
    /** A Secret in SPIRE's namespace with the database's CA as `ca.crt`. @default the CAs of SPIRE's image */
    readonly caSecret?: string | undefined;
    /** A Secret in SPIRE's namespace with the certificate of SPIRE's user, as `tls.crt` and `tls.key`. */
    readonly clientSecret?: string | undefined;
  };
  /** Whether this program deploys it too: one pod, for labs. */
  readonly lab?: true | undefined;
}

/** Ways to do one thing, of which no more than one is meant. */
export type AtMostOne<Ways> = { readonly [Way in keyof Ways]?: Ways[Way] | undefined };

/** What an agent shows to be a node of the cluster: at most one. Without it, the token of its pod (k8s_psat). */
export type NodeAttestor = AtMostOne<{
  /** A certificate that each node has been given, for the node's name. */
  readonly x509pop: {
    /** Certificates of the CAs, in PEM. Who has a certificate of theirs is a node. */
    readonly ca: string;
    /** Where a node has `tls.crt` and `tls.key`. */
    readonly directory: string;
  };
  /** The instance identity document of EC2, which it shows once. */
  readonly awsIid: {
    /** What all nodes of the cluster have and no other instance: `tag:…`, `iamrole:…`, `sg:…`. */
    readonly selectors: readonly string[];
    /** Of the IAM role that EKS gives the service account `spire-server` of the namespace `spire`. @default who the pod is anyway */
    readonly roleArn?: string | undefined;
  };
  /** The identity token of a Compute Engine instance, which it shows once. */
  readonly gcpIit: {
    readonly project: string;
    /** What all nodes of the cluster have and no other instance of the project: `label:…`, `tag:…`, `sa:…`. */
    readonly selectors: readonly string[];
    /** The Google service account that GKE gives the server's pod. @default who the pod is anyway */
    readonly serviceAccount?: string | undefined;
  };
  /** The node's TPM, by a third-party plugin that the images of server and agent contain. */
  readonly tpm: {
    /** SHA-256 of the public endorsement key of each node's TPM, in hexadecimal digits. */
    readonly hashes: readonly string[];
    readonly serverPlugin: ExternalPlugin;
    readonly agentPlugin: ExternalPlugin;
  };
}>;

/** A program in an image, and its SHA-256: SPIRE starts no other. */
export interface ExternalPlugin {
  readonly path: string;
  readonly checksum: string;
}

/** Who signs the servers' CAs: at most one. Without it each server's is signed by itself. */
export type UpstreamAuthority = AtMostOne<{
  readonly certManager: {
    /** One that may sign CAs: an Issuer in the namespace `spire`, or a ClusterIssuer. */
    readonly issuer: string;
    readonly kind: string;
    readonly group: string;
  };
  /** The engine `pki` at a mount of its own, whose longest TTL may not be below `ttl.ca`. */
  readonly vault: VaultAccess & { readonly pkiMount: string };
  /** A Secret in SPIRE's namespace with the CA's certificate and chain as `tls.crt`, its key as `tls.key` and its roots as `ca.crt`. */
  readonly disk: { readonly secret: string };
  readonly awsPca: {
    readonly region: string;
    readonly certificateAuthorityArn: string;
    /** @default SPIRE's own: a CA below which there is none */
    readonly signingTemplateArn?: string | undefined;
    /** Of the IAM role that EKS gives the service account `spire-server` of the namespace `spire`. @default who the pod is anyway */
    readonly roleArn?: string | undefined;
    /** Of an IAM role that is assumed for it. */
    readonly assumeRoleArn?: string | undefined;
  };
}>;

/** Where the keys are with which a server signs: at most one. Without it they are in a file on its volume. */
export type KeyManager = AtMostOne<{
  /** Gone with the server's pod: only below an authority that outlives it. */
  readonly memory: object;
  readonly awsKms: {
    readonly region: string;
    /** Of the IAM role that EKS gives the service account `spire-server` of the namespace `spire`. @default who the pod is anyway */
    readonly roleArn?: string | undefined;
  };
  readonly gcpKms: {
    /** `projects/…/locations/…/keyRings/…` */
    readonly keyRing: string;
    /** The Google service account that GKE gives the pod. @default who the pod is anyway */
    readonly serviceAccount?: string | undefined;
  };
  readonly azureKeyVault: {
    /** `https://….vault.azure.net/` */
    readonly uri: string;
    /** Of the managed identity that AKS gives the pod. @default who the pod is anyway */
    readonly clientId?: string | undefined;
  };
  /** The engine `transit` at a path of its own. SPIRE 1.15 and later. */
  readonly vault: VaultAccess & { readonly transitPath: string };
}>;

/** How the server comes to Vault, or to OpenBao: as a service account, by Vault's auth method for Kubernetes. */
export interface VaultAccess {
  /** `https://vault.vault.svc:8200` */
  readonly address: string;
  /** Of the auth method, bound to the service account `spire-server` of the namespace `spire`. */
  readonly role: string;
  /** Where the auth method is mounted. */
  readonly authMount: string;
  /** What the role wants the token to be for. */
  readonly audience: string;
  /** Of Vault Enterprise. */
  readonly namespace?: string | undefined;
  /** A Secret in SPIRE's namespace with Vault's CA as `ca.crt`. @default the CAs of SPIRE's image */
  readonly caSecret?: string | undefined;
}

/** What every identity of the user's has. */
export interface Identity {
  /** Of the object, in its kind. */
  readonly name: string;
  /** How long their SVIDs live, as Go durations. @default the server's own */
  readonly ttl: { readonly x509Svid?: string | undefined; readonly jwtSvid?: string | undefined };
  /** Trust domains whose bundles come with it: SPIRE refuses the whole entry where it has no bundle of one. */
  readonly federatesWith: readonly string[];
  /** By which a workload with several identities tells this one. */
  readonly hint?: string | undefined;
}

/** Whatever has some selectors, on every node. */
export interface StaticEntry extends Identity {
  readonly path: string;
  readonly selectors: readonly string[];
  readonly dnsNames: readonly string[];
}

/** Pods of some namespaces that get an identity each: who they are by their namespace and service account. */
export interface WorkloadIds extends Identity {
  readonly namespaces: readonly string[];
  /** The path of their SPIFFE ID, in which `{namespace}`, `{serviceAccount}` and `{pod}` stand for the pod's. */
  readonly path: string;
  /** The names of the Services that lead to a pod, as DNS names of its SVID. */
  readonly dnsNames: boolean;
}

/** Other trust domains, and how they reach this one. */
export interface Federation {
  /** Of the Service of the bundle endpoint, and its annotations. */
  readonly service: "ClusterIP" | "LoadBalancer";
  readonly annotations: Readonly<Record<string, string>>;
  /** Those of which a first bundle is known, or which need none. */
  readonly peers: readonly Peer[];
}

/** Another trust domain. */
export interface Peer {
  readonly trustDomain: string;
  /** https URL of its server's bundle endpoint. */
  readonly endpoint: string;
  /** Who the endpoint's certificate is from. Its own SPIRE's is verified by the bundle of before, of which there has to be a first one, in SPIFFE's JSON. */
  readonly profile: { readonly type: "https_spiffe"; readonly bundle: string } | { readonly type: "https_web" };
}

/** Who watches SPIRE. */
export interface Monitoring {
  /** The namespace of Prometheus, which alone may ask the servers. */
  readonly namespace: string;
  /** Labels by which Prometheus chooses its objects. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Lets those who know OpenID Connect and no SPIFFE, clouds and Vault say, verify JWT-SVIDs. */
export interface Oidc {
  /** Under which they find it, as https://<domain>: the issuer of every JWT-SVID. */
  readonly domain: string;
  /** A Secret in the agents' namespace with a certificate for that domain, as tls.crt and tls.key. */
  readonly tlsSecret: string;
}

/** Gives pods the socket of their node's agent as a volume. */
export interface Csi {
  /** Where the nodes' kubelets keep what is theirs. */
  readonly kubeletDirectory: string;
}
