import * as z from "zod";
import { spire as names } from "../spire/settings";
import { parseImage } from "../imageReference";
import { entities, httpMethods, type Caller, type HttpPath } from "./intent";
import {
  callerFaults,
  callerForms,
  networkForm,
  operationFaults,
  operationForms,
  pathFaults,
  pathForms,
  reasonForm,
  type Fault,
} from "./intentFaults";
import { defaultSpireVersion } from "./versions";

/** What the error for a value says: what is allowed, and an example that would be. */
export interface Hint {
  readonly allowed: string;
  readonly example: string;
}

const hinted = <T extends z.ZodType>(schema: T, allowed: string, example: string): T =>
  schema.meta({ allowed, example });
const text = (pattern: RegExp, allowed: string, example: string) => hinted(z.string().regex(pattern), allowed, example);
const choice = <const T extends readonly [string, ...string[]]>(...values: T) =>
  hinted(z.enum(values), values.join(", "), values[0]);

/** `pulumi config set` writes booleans as strings and, at the top level, everything else as JSON. */
export const written = (value: unknown): unknown => {
  if (typeof value !== "string") return value;
  if (value === "true" || value === "false") return value === "true";
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
};
const json = <T extends z.ZodType>(schema: T) => z.preprocess(written, schema);
const object = <T extends z.ZodRawShape>(shape: T) => json(z.strictObject(shape));
/** An object that may be left out, and one whose absence is reported key by key, each with its own example. */
const section = <T extends z.ZodRawShape>(shape: T) => object(shape).prefault({});
const boolean = (example: "true" | "false") => hinted(json(z.boolean()), "true or false", example);
const whole = (minimum: number, maximum: number, example: number) =>
  hinted(json(z.int().min(minimum).max(maximum)), `a whole number from ${minimum} to ${maximum}`, String(example));

const dnsLabel = "lower-case letters, digits and hyphens, at most 63";
const namespace = text(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, `a namespace's name: ${dnsLabel}`, "orders");
const name = text(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, `a name: ${dnsLabel}`, "api");
// A service account's name is a label value in Cilium's selectors, hence 63 characters and not 253.
const serviceAccount = text(
  /^(?=.{1,63}$)(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$/,
  'a service account\'s name: lower-case letters, digits, hyphens and dots, at most 63; or "*" for all of the namespace',
  "frontend",
);
const labelKey = z.string().regex(/^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
const labelValue = z.string().regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/);
const duration = (example: string) =>
  text(/^[1-9][0-9]*(s|m|h)$/, "a duration in one unit, s, m or h, as in 90m or 4h", example);
const version = text(/^\d+\.\d+(\.\d+)?$/, 'a version, as a string in quotes: "1.34"', "1.34");
const fullVersion = (example: string) => text(/^\d+\.\d+\.\d+$/, `a full version, as in ${example}`, example);

/** `off` nothing · `observe` allow rules that deny nothing · `allow` default deny and allow rules · `require` allow rules that demand authentication. */
export const phases = ["off", "observe", "allow", "require"] as const;
export type Phase = (typeof phases)[number];

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
  cilium: section({
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
  }),
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
   * provides what docs/spire.md lists.
   */
  install: choice("managed", "bundled", "external").default("managed"),
  /** With `external`: where Cilium finds it. */
  external: object({
    /** `<service>.<namespace>.svc:<port>` of a Service with a ClusterIP, or any other `<host>:<port>`. */
    serverAddress: text(
      /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?:[1-9][0-9]{0,4}$/,
      "<host>:<port> of the SPIRE server, without a scheme",
      "spire-server.spire.svc:8081",
    ),
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
    /** When the kubelet pulls them, Kubernetes' own imagePullPolicy. */
    pullPolicy: choice("IfNotPresent", "Always", "Never").default("IfNotPresent"),
    /** Whether an image without a digest stops the update, and is not only warned of. */
    requireDigests: boolean("false").default(false),
  }),
  /** Servers. More than one needs a shared SQL datastore, which a guardrail sees to. */
  replicas: whole(1, 9, 1).default(1),
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

/** An object of which not every combination of keys makes sense, and what its forms are. */
const formed = <T extends z.ZodRawShape>(
  shape: T,
  faults: (value: z.output<z.ZodObject<T>>) => readonly Fault[],
  { allowed, example }: Hint,
) =>
  hinted(
    json(
      z.strictObject(shape).check(({ value, issues }) => {
        // A key that is misspelt is a problem, and not a second one where it is missing.
        if (issues.length > 0) return;
        for (const { path, ...params } of faults(value))
          issues.push({ code: "custom", input: value, path: [...path], params });
      }),
    ),
    allowed,
    example,
  );
const some = <T extends z.ZodType>(element: T, { allowed, example }: Hint) =>
  hinted(json(z.array(element).min(1)), `one or more, each ${allowed}`, `[${example}]`);

const reason = text(reasonForm.pattern, reasonForm.allowed, "customers call it from the internet");
const callerKeys = {
  /** A workload: the pods of a service account. */
  namespace: namespace.optional(),
  /** `"*"`: all pods of the namespace, whatever their service account. */
  serviceAccount: serviceAccount.optional(),
  /**
   * Why this workload is not asked to authenticate in `require`: for what must work when authentication does not, as a scraper of metrics, or would
   * lose its first packet, as a short-lived Job. It is then told by its labels alone.
   */
  withoutAuthentication: text(
    reasonForm.pattern,
    `why this caller is not asked to authenticate: ${reasonForm.allowed}`,
    "metrics must be seen when authentication fails",
  ).optional(),
  /**
   * What is no workload, has no identity and so is never asked to authenticate. `ingress`: Cilium's Ingress and Gateway · `kube-apiserver`: webhooks ·
   * `host`: processes and host-network pods of any node · `world`: everybody outside the cluster, which takes a reason.
   */
  entity: choice(...entities).optional(),
  /** Addresses outside the cluster, as `192.0.2.0/24` or `2001:db8::/32`. Pods and nodes are never told by their addresses. */
  cidr: hinted(z.string(), networkForm.allowed, networkForm.example).optional(),
  /** Why `entity` or `cidr` may call. */
  reason: reason.optional(),
};
// The checks leave what the types say: exactly one form, with its own keys alone.
const caller = formed(callerKeys, callerFaults, callerForms) as unknown as z.ZodType<Caller>;

// Short, so that the regular expression stays below 100 instructions, which is what Envoy takes: 90 with 60 characters, as RE2 counts them.
const path = text(
  /^(?=.{1,60}$)(\/|(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)+)$/,
  "a path of at most 60 characters: segments of letters, digits and -._~, no empty one, no . or .., no / at the end, no query",
  "/v1/orders",
);
const httpPath = formed(
  { exact: path.optional(), prefix: path.optional() },
  pathFaults,
  pathForms,
) as unknown as z.ZodType<HttpPath>;

const operation = formed(
  {
    /** HTTP methods; without them all. `GET` does not include `HEAD`. */
    methods: some(choice(...httpMethods), { allowed: `of ${httpMethods.join(", ")}`, example: '"GET"' }).optional(),
    /**
     * HTTP paths; without them all. Without the query, which is free. Case matters. A prefix is of whole segments: `/v1` is `/v1` and `/v1/a`, not `/v10`;
     * below it segments have letters, digits and `-._~` alone and do not begin with a dot, so that no encoded or doubled part leads elsewhere.
     */
    paths: some(httpPath, pathForms).optional(),
  },
  operationFaults,
  operationForms,
);

/** Who may call one workload on one port. Intents add up: who is admitted by one of them is admitted. */
const intent = object({
  name,
  /** All intents on the same selector and port become one policy. On one port, two selectors that differ may not select the same pod. */
  target: section({
    namespace,
    selector: hinted(
      json(z.record(labelKey, labelValue).refine((s) => Object.keys(s).length > 0)),
      "one or more pod labels, as in { app: api }",
      '{"app":"api"}',
    ),
  }),
  /** The port of the container, not of a Service. TCP: UDP has no retransmit and would lose the packets before the handshake. */
  port: whole(1, 65535, 8080),
  /** docs/access.md has an example of each form. */
  callers: some(caller, callerForms),
  /** What the callers may do, where the port speaks HTTP; without it everything. Looked at from the phase `allow` on. */
  operations: some(operation, operationForms).optional(),
});

/** One stack's configuration, as `pulumi config` holds it without the project's prefix: each value for itself. */
export const schema = z.strictObject({
  /** The flag. */
  auth: boolean("false"),
  trustDomain: text(
    /^(?=.{1,255}$)[a-z0-9]([-a-z0-9_]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9_]*[a-z0-9])?)*$/,
    "a trust domain's bare name in lower case, without spiffe://",
    "apps.zt.internal",
  ),
  cluster,
  spire,
  rollout: section({ phases: json(z.record(namespace, choice(...phases))).prefault({}) }),
  access: json(z.array(intent)).prefault([]),
});

export type StackConfig = DeepReadonly<z.output<typeof schema>> & {
  /** What is in `cluster.cilium.valuesFile`. */
  readonly baseValues?: Readonly<Record<string, unknown>>;
};
export type Intent = StackConfig["access"][number];
export type Operation = NonNullable<Intent["operations"]>[number];

export type DeepReadonly<T> = T extends (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;
