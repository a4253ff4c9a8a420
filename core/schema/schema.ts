import * as z from "zod";
import { parseImage } from "../util/imageReference";
import { spire as names } from "./spireNames";
import { nodeAttestor } from "./attestorSchema";
import { certificates } from "./certificatesSchema";
import {
  boolean,
  choice,
  duration,
  hinted,
  hostAndPort,
  json,
  name,
  namespace,
  object,
  oneOf,
  section,
  text,
  trustDomain,
  whole,
} from "./fields";
import { intent } from "./intentSchema";
import {
  csi,
  database,
  federation,
  keyManager,
  monitoring,
  oidc,
  staticEntry,
  upstreamAuthority,
  workloadIds,
} from "./spireSchema";
import { spireSizeNames } from "./spireSizes";
import { defaultSpireVersion } from "./versions";
import { waiver } from "./waiverSchema";

const version = text(/^\d+\.\d+(\.\d+)?$/, 'a version, as a string in quotes: "1.34"', "1.34");
const fullVersion = (example: string) => text(/^\d+\.\d+\.\d+$/, `a full version, as in ${example}`, example);

/** `off` nothing · `observe` allow rules that deny nothing · `allow` default deny and allow rules · `require` allow rules that demand authentication. */
export const phases = ["off", "observe", "allow", "require"] as const;
export type Phase = (typeof phases)[number];

/** Whether a namespace in a phase denies callers that no intent names: `allow` and `require` do. A namespace without a phase is `off`. */
export const isClosed = (phase: Phase | undefined): boolean => phase === "allow" || phase === "require";

const cluster = section({
  /** The cluster's name: Cilium's cluster, SPIRE's k8s_psat cluster and the prefix of our registration entries. */
  name,
  /** The kubeconfig context of this cluster. */
  context: text(/^\S+$/, "the name of a kubeconfig context", "apps"),
  /** UID of the namespace kube-system: what tells one cluster from another whatever the kubeconfig calls it. */
  identity: text(
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    "the UID of the namespace kube-system",
    "$(kubectl get namespace kube-system --output 'jsonpath={.metadata.uid}')",
  ),
  kubernetes: version,
  /** Needed unless `mesh` says that another one authenticates. */
  cilium: object({
    version: fullVersion("1.19.3"),
    /** Where Cilium's agents and operator run. */
    namespace: namespace.default("kube-system"),
    /** How Cilium gets its values: a ConfigMap that a Flux HelmRelease reads, a Helm release that this program owns, or not by this program. */
    delivery: choice("flux", "helm", "none"),
    /** With `flux`, the HelmRelease's namespace, where the ConfigMap must be. @default the namespace of Cilium */
    releaseNamespace: namespace.optional(),
    /** With `helm`, the file with all other values of the chart, relative to the project's directory. */
    valuesFile: text(
      /^[^/].*\.(ya?ml|json)$/,
      "a YAML file, relative to the project's directory",
      "cilium.apps.yaml",
    ).optional(),
    /** With `helm`, the chart: an `oci://` reference, or a folder. @default the chart `cilium` of https://helm.cilium.io */
    chart: text(
      /^(oci:\/\/)?[\w./:@-]+$/,
      "an oci:// reference or a folder",
      "oci://quay.io/cilium/charts/cilium",
    ).optional(),
    /** Whether the cluster is part of a ClusterMesh, with which mutual authentication does not work. */
    clusterMesh: boolean("false").default(false),
  }).optional(),
});

/**
 * Who takes the namespaces of `rollout.phases` into the mesh: `patch`, this program, where nobody keeps them in Git; or `git`, you, and it says what to write.
 */
const namespaceMarks = choice("patch", "git").default("patch");

/** Who authenticates callers where Cilium does not with SPIRE. It is there already: this program makes the policies of another mesh, and takes namespaces in. */
const mesh = oneOf({
  istio: object({
    /**
     * How much of a path the mesh resolves before it compares (`meshConfig.pathNormalization.normalization`, docs/meshes.md). A prefix in an intent needs one that
     * merges slashes.
     */
    pathNormalization: choice("BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES").default("BASE"),
    /** `ambient`: ztunnel, which knows connections alone, and a waypoint where requests matter. */
    mode: choice("sidecar", "ambient").default("sidecar"),
    /** With `ambient`, the Gateway that this program makes in namespaces where an intent's target has a `service`. @default none */
    waypoint: name.optional(),
    namespaces: namespaceMarks,
    /** With sidecars, the revision or tag of istiod that injects them. @default the one without a revision */
    revision: name.optional(),
  }).optional(),
  linkerd: object({ namespaces: namespaceMarks }).optional(),
  /** Cilium's own, beside `cluster.cilium`. It encrypts between the namespaces that are taken in, and enforces no intent (docs/ztunnel.md). */
  ztunnel: object({
    experimental: hinted(
      json(z.literal(true)),
      "true, written out: ztunnel is beta in Cilium 1.19 and 1.20, nothing of it was run with this program, and nobody decides who may call whom (docs/ztunnel.md)",
      "true",
    ),
    namespaces: namespaceMarks,
  }).optional(),
});

const socket = (example: string) => text(/^(\/[\w.-]+)+$/, "an absolute path on the nodes", example);
const isPinned = (text: string) => {
  const image = parseImage(text);
  return image !== undefined && (image.tag !== undefined || image.digest !== undefined);
};
const image = (example: string) =>
  hinted(
    z.string().refine(isPinned),
    "an image with a version, a digest or both, as in registry.corp/spiffe/spire-server:1.15.3@sha256:…",
    example,
  );

const spire = section({
  /**
   * `managed`: this program deploys SPIRE. `bundled`: Cilium's chart does, for as long as authentication is on. `external`: one that is already there, and
   * provides what docs/spire.md lists. `none`: with a `mesh` that has certificates of its own. With Istio's sidecars `managed` signs for them (docs/meshes.md).
   */
  install: choice("managed", "bundled", "external", "none").default("managed"),
  /** With `external`: where Cilium finds it. */
  external: object({
    /** `<service>.<namespace>.svc:<port>` of a Service with a ClusterIP, or any other `<host>:<port>`. */
    serverAddress: hostAndPort("the SPIRE server", "spire-server.spire.svc:8081"),
    adminSocketPath: socket(names.sockets.admin).default(names.sockets.admin),
    agentSocketPath: socket(names.sockets.workload).default(names.sockets.workload),
  }).optional(),
  /** Where the agents are. In a namespace of their own, `spire` enforces Pod Security's `restricted`; choose before the first update. */
  agentNamespace: namespace.default(names.namespace),
  version: fullVersion(defaultSpireVersion).default(defaultSpireVersion),
  images: section({
    /**
     * Whole references, such as those of a private registry. Where the digest is left out, and one is recorded for the repository and version, it is
     * added; `npm run pin` records them. `version` above still says which SPIRE is inside. @default SPIRE's own, at that version
     */
    server: image("ghcr.io/spiffe/spire-server:1.15.3").optional(),
    agent: image("ghcr.io/spiffe/spire-agent:1.15.3").optional(),
    /** spire-controller-manager, which has versions of its own. @default the one in components/spire/images.ts */
    controllerManager: image("ghcr.io/spiffe/spire-controller-manager:0.7.0").optional(),
    oidcProvider: image("ghcr.io/spiffe/oidc-discovery-provider:1.15.3").optional(),
    /** Of `datastore.labPostgres`: any with sh and the programs of PostgreSQL. Its major version stays, as that of the data does. */
    postgres: image("docker.io/library/postgres:17.11").optional(),
    /** The CSI driver and the registrar beside it, with versions of their own. @default those in components/spire/images.ts */
    csiDriver: image("ghcr.io/spiffe/spiffe-csi-driver:0.2.13").optional(),
    csiRegistrar: image("registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.16.0").optional(),
    /** When the kubelet pulls them, Kubernetes' own imagePullPolicy. */
    pullPolicy: choice("IfNotPresent", "Always", "Never").default("IfNotPresent"),
    /** Whether an image without a digest stops the update, and is not only warned of. */
    requireDigests: boolean("false").default(false),
  }),
  /** For how large a cluster: what servers and agents get, and how many agents are replaced at a time (docs/spire.md). */
  size: choice(...spireSizeNames).default("small"),
  /** Servers. More than one needs a datastore that they share. */
  replicas: whole(1, 9, 1).default(1),
  /**
   * Where the servers keep entries, nodes and bundles. Choose before the first update: another datastore knows none of them.
   *
   * @default a file on the one server's volume
   */
  datastore: oneOf({
    postgres: database.optional(),
    mysql: database.optional(),
    /** For labs: a PostgreSQL of one pod in SPIRE's namespace, which this program deploys, on a volume as `storage` says, in clear and without backups. */
    labPostgres: object({}).optional(),
  }).optional(),
  /** Who signs the servers' CAs. @default each its own */
  upstreamAuthority: upstreamAuthority.optional(),
  /** Where the keys are with which the servers sign. @default a file on a server's volume */
  keyManager: keyManager.optional(),
  /** What agents show to be nodes of this cluster. Choose before the first update: another one makes other agents of all. @default the tokens of their pods */
  nodeAttestor: nodeAttestor.optional(),
  /** Whose pods get an identity each, beside those that Cilium registers for itself (docs/spire.md). */
  workloads: json(z.array(workloadIds)).prefault([]),
  /** Identities of what is told by other selectors than a pod's: a ClusterStaticEntry each, on every node. */
  entries: json(z.array(staticEntry)).prefault([]),
  /** Whose identities ours may verify, and who may ask for what it takes to verify ours. @default nobody */
  federation: federation.optional(),
  /** Whether the API server refuses ClusterStaticEntries and ClusterSPIFFEIDs, whoever writes them, that would make an admin or be somebody else's. */
  admissionPolicy: boolean("true").default(false),
  /**
   * Whether the servers may call nobody but the API server and whom the keys above name: their database, what signs or keeps keys for them, federated peers.
   * By a policy of Cilium's own kind (docs/spire.md).
   */
  egressPolicy: boolean("true").default(false),
  /** Metrics, and what Prometheus' operator and Grafana need to show them and to tell somebody. @default no metrics */
  monitoring: monitoring.optional(),
  /** By which others, clouds and Vault say, verify JWT-SVIDs: SPIRE's OIDC discovery provider. @default none */
  oidc: oidc.optional(),
  /** By which pods get the socket of their node's agent as a volume: SPIFFE's CSI driver, `csi.spiffe.io` (docs/spire.md). @default none */
  csi: csi.optional(),
  /** SPIRE's own name. Only where the kubelets' serving certificates are not signed by the cluster's CA, as by default with kubeadm. */
  skipKubeletVerification: boolean("false").default(false),
  storage: section({
    size: text(/^[1-9][0-9]*(Mi|Gi|Ti)$/, "a size, as in 1Gi", "1Gi").default("1Gi"),
    /** @default the cluster's default storage class */
    className: text(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, "a storage class's name", "standard").optional(),
  }),
  /** Lifetimes. An SVID is renewed at half of its own; a new CA key is in use before a sixth of the CA's is left. */
  ttl: section({
    ca: duration("168h").default("168h"),
    agent: duration("4h").default("4h"),
    x509Svid: duration("4h").default("4h"),
    jwtSvid: duration("5m").default("5m"),
  }),
});

/** One stack's configuration, as `pulumi config` holds it without the project's prefix: each value for itself. */
export const schema = z.strictObject({
  /** The flag. */
  auth: boolean("false"),
  trustDomain,
  cluster,
  /** @default Cilium, with SPIRE */
  mesh: mesh.optional(),
  spire,
  /** cert-manager: who signs, and what for (docs/certificates.md). Not bound to the flag. @default nothing of it */
  certificates: certificates.optional(),
  rollout: section({
    phases: json(z.record(namespace, choice(...phases))).prefault({}),
    /** Namespaces without pods, which may go to any phase at once. That no pods run in them is looked at in the update. */
    greenfield: json(z.array(namespace)).prefault([]),
    /** How many namespaces may go to `allow` or `require` in one update, beside those of `greenfield`. */
    blastRadius: whole(1, 1000, 5).default(5),
    /** How long callers are watched for evidence, at least: a day has its backups and its reports. */
    evidenceWindow: duration("24h").default("24h"),
    /** How old the evidence may be with which a namespace goes to `require`. */
    evidenceMaxAge: duration("168h").default("168h"),
    /** The word for on again after an off: which off it was, as the preview says. */
    resume: whole(1, 1_000_000, 1).optional(),
  }),
  /** Guardrails with another severity than their own, by name. docs/guardrails.md has them all. */
  guardrails: json(
    z.record(text(/^[a-z]+(-[a-z]+)*$/, "a guardrail's name, as in docs/guardrails.md", "version-skew"), waiver),
  ).prefault({}),
  access: json(z.array(intent)).prefault([]),
  /** Instead of `access`: a file with the list, for more than fits in a stack file, or for another team to own. */
  accessFile: text(
    /^[^/].*\.(ya?ml|json)$/,
    "a YAML file, relative to the project's directory",
    "access.apps.yaml",
  ).optional(),
});

export type StackConfig = DeepReadonly<z.output<typeof schema>> & {
  /** What is in `cluster.cilium.valuesFile`. */
  readonly baseValues?: Readonly<Record<string, unknown>>;
};
export type CertificatesConfig = NonNullable<StackConfig["certificates"]>;
export type Intent = StackConfig["access"][number];
export type CiliumConfig = NonNullable<StackConfig["cluster"]["cilium"]>;

/** @throws Error where another mesh authenticates: what asks is for Cilium alone */
export function ciliumOf({ cilium }: StackConfig["cluster"]): CiliumConfig {
  if (!cilium) throw new Error("this stack has no Cilium");
  return cilium;
}
export type Operation = NonNullable<Intent["operations"]>[number];

export type DeepReadonly<T> = T extends (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;
