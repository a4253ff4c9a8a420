import type { SpireSize } from "../../core/schema/spireSizes";
import type { NodeAttestor } from "./plugins/attestor";
import type { UpstreamAuthority } from "./plugins/authority";
import type { Csi } from "./addons/csi";
import type { Federation } from "./registration/federation";
import type { KeyManager } from "./plugins/keys";
import type { Monitoring } from "./addons/monitoring";
import type { Oidc } from "./addons/oidc";
import type { StaticEntry, WorkloadIds } from "./registration/registration";

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

/** Names and addresses that SPIRE's parts, Cilium and the guardrails must agree on. */
export const spire = {
  namespace: "spire",
  server: "spire-server",
  headless: "spire-server-headless",
  bundleEndpoint: "spire-server-bundle",
  agent: "spire-agent",
  serverPort: 8081,
  /** The agents' bundle, published by the server: nobody else writes it. */
  bundle: { configMap: "spire-bundle", key: "bundle.spiffe" },
  /** Audience of the agents' tokens. */
  audience: "spire-server",
  /** SPIRE refuses an admin socket in or below the directory of the workload socket. */
  sockets: {
    directory: "/run/spire/sockets",
    admin: "/run/spire/sockets/admin.sock",
    workload: "/run/spire/sockets/agent/agent.sock",
    /** Of that alone. */
    workloadDirectory: "/run/spire/sockets/agent",
  },
} as const;

/** SPIFFE IDs that Cilium has built in (operator/auth/spire/client.go, pkg/auth/spire/delegate.go). */
export const ciliumIds = { agent: "/cilium-agent", operator: "/cilium-operator" } as const;

/** Beginnings of paths that mean somebody else: SPIRE's own, and those that Cilium has built in. */
export const reservedPaths: readonly string[] = ["/spire", "/identity", ciliumIds.agent, ciliumIds.operator];

/** The names of the servers' pods: those of a StatefulSet have a number each. */
export const serverPods = (replicas: number): string[] =>
  Array.from({ length: replicas }, (_, i) => `${spire.server}-${i}`);

/** Address of the SPIRE server for Cilium, which resolves `<service>.<namespace>.svc` through the Kubernetes API and so needs a ClusterIP. */
export const serverAddress = `${spire.server}.${spire.namespace}.svc:${spire.serverPort}`;

/** Path of the SPIFFE ID that all agents share as an alias: entries below it reach every node, not one. */
export const nodeAliasPath = ({ agentNamespace }: ManagedSpire) => `/ns/${agentNamespace}/sa/${spire.agent}`;
