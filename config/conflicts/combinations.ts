import { type Conflict, type PartialConfig } from "./conflict";
import { isDeepStrictEqual } from "node:util";
import { accessConflicts, foreignCallerConflicts } from "./access";
import { attestorConflicts } from "./attestor";
import { certificateConflicts } from "./certificates";
import { certificates } from "../../core/schema/certificatesSchema";
import { formatPath, valueAt, type Path } from "../../core/util/path";
import { istioConflicts } from "../../components/access/istio/conflicts";
import { servicesInVain } from "../../components/access/istio/waypointConflicts";
import { linkerdConflicts } from "../../components/access/linkerd/policies";
import { meshSpireConflicts } from "./meshSpire";
import { nullConflicts } from "./nulls";
import { phases, schema, type Intent } from "../../core/schema/schema";
import { identityConflicts } from "./identities";
import { takenTwice } from "./takenTwice";
import { defaultSpireVersion, minorOf, supported, minorNumberOf } from "../../core/schema/versions";
import { ztunnelConflicts } from "./ztunnel";

/** What cannot be combined. */
export function conflictsIn(config: PartialConfig): Conflict[] {
  return [
    ...unsupportedVersions(config),
    ...keysWithoutEffect(config),
    ...missingKeys(config),
    ...meshConflicts(config),
    ...meshSpireConflicts(config),
    ...signingKeys(config),
    ...attestorConflicts(config),
    ...identityConflicts(config),
    ...certificateConflicts(config),
    ...agentsAmongOthers(config),
    ...takenTwice(["access"], config.access ?? [], ({ name, target }) => `${target.namespace}/${name}`),
    ...foreignCallerConflicts(config),
    ...missingPhases(config),
    // With authentication off they do no harm that is not there already, and off must always work.
    ...(config.auth === false ? [] : [...accessConflicts(config.access ?? []), ...nullConflicts(config)]),
  ];
}

/** Versions outside the table. Not while authentication is off: a cluster that was upgraded beyond it must still be able to turn it off. */
function unsupportedVersions({ auth, cluster, spire }: PartialConfig): Conflict[] {
  if (auth === false) return [];
  const versions = [
    { path: ["cluster", "kubernetes"], version: cluster?.kubernetes, minors: supported.kubernetes, example: "1.34" },
    {
      path: ["cluster", "cilium", "version"],
      version: cluster?.cilium?.version,
      minors: supported.cilium,
      example: "1.19.3",
    },
    { path: ["spire", "version"], version: spire?.version, minors: supported.spire, example: defaultSpireVersion },
  ];
  return versions
    .filter(({ version, minors }) => version !== undefined && !(minors as readonly string[]).includes(minorOf(version)))
    .map(({ path, minors, example }) => ({ path, hint: { allowed: `one of ${minors.join(", ")}`, example } }));
}

/** Keys that go with one way of installing SPIRE or cert-manager, or of delivering Cilium's values. */
const usedWith: readonly (readonly [key: Path, values: readonly string[], keys: readonly string[]])[] = [
  [["spire", "install"], ["external"], ["external"]],
  [
    ["spire", "install"],
    ["managed", "bundled"],
    ["storage", "skipKubeletVerification"],
  ],
  [
    ["spire", "install"],
    ["managed"],
    [
      "version",
      "size",
      "replicas",
      "datastore",
      "upstreamAuthority",
      "keyManager",
      "nodeAttestor",
      "workloads",
      "entries",
      "federation",
      "admissionPolicy",
      "egressPolicy",
      "monitoring",
      "oidc",
      "csi",
      "ttl",
      "agentNamespace",
      "images",
    ],
  ],
  [["spire", "datastore", "postgres", "tls", "mode"], ["verify-full"], ["caSecret", "clientSecret"]],
  [["spire", "datastore", "mysql", "tls", "mode"], ["verify-full"], ["caSecret", "clientSecret"]],
  [["certificates", "install"], ["managed"], ["version", "chart", "values"]],
  [["certificates", "install"], ["external"], ["serviceAccount"]],
  [["cluster", "cilium", "delivery"], ["flux"], ["releaseNamespace"]],
  [["cluster", "cilium", "delivery"], ["helm"], ["valuesFile", "chart"]],
];

const defaults = { spire: schema.shape.spire.parse({}), certificates: certificates.parse({ install: "managed" }) };

/** A value that does nothing beside the others would be believed to do something. */
function keysWithoutEffect(config: PartialConfig): Conflict[] {
  return usedWith.flatMap(([key, values, keys]) => {
    const value = valueAt(config, key);
    if (typeof value !== "string" || values.includes(value)) return [];
    const allowed = `nothing: it has an effect only with ${formatPath(key)} ${values.join(" or ")}`;
    return keys
      .map((name) => [...key.slice(0, -1), name])
      .filter((path) => {
        const given = valueAt(config, path);
        return given !== undefined && !isDeepStrictEqual(given, valueAt(defaults, path));
      })
      .map((path) => ({ path, hint: { allowed } }));
  });
}

function missingKeys({ spire, cluster, mesh }: PartialConfig): Conflict[] {
  const cilium = cluster?.cilium === undefined && (mesh === undefined || mesh.ztunnel !== undefined);
  const external = spire?.install === "external" && spire.external?.serverAddress === undefined;
  const helm = cluster?.cilium?.delivery === "helm" && cluster.cilium.valuesFile === undefined;
  return [
    ...(cilium
      ? [
          {
            path: ["cluster", "cilium", "version"],
            hint: { allowed: "a full version, as in 1.19.3", example: "1.19.3" },
          },
          { path: ["cluster", "cilium", "delivery"], hint: { allowed: "flux, helm, none", example: "flux" } },
        ]
      : []),
    ...(external
      ? [
          {
            path: ["spire", "external", "serverAddress"],
            hint: { allowed: "<host>:<port> of the SPIRE server", example: "spire-server.spire.svc:8081" },
          },
        ]
      : []),
    ...(helm
      ? [
          {
            path: ["cluster", "cilium", "valuesFile"],
            hint: { allowed: "the file with all other values of Cilium's chart", example: "cilium.apps.yaml" },
          },
        ]
      : []),
  ];
}

/** Either Cilium authenticates or another mesh does, and each has what goes with it. */
function meshConflicts(config: PartialConfig): Conflict[] {
  const { auth, cluster, mesh, spire, access = [] } = config;
  if (mesh?.ztunnel) return ztunnelConflicts(config);
  const none = { path: ["spire", "install"], hint: { allowed: "managed, bundled, external", example: "managed" } };
  // With authentication off nobody is told apart, and off must always work.
  const unsaid = auth === false ? [] : accessConflictsOf(mesh, access).map(({ path, ...hint }) => ({ path, hint }));
  if (!mesh) return [...(spire?.install === "none" ? [none] : []), ...unsaid];
  const path = ["cluster", "cilium"];
  const nothing = { allowed: "nothing: with another mesh this program does not touch Cilium" };
  return [
    ...(cluster?.cilium === undefined ? [] : [{ path, hint: nothing }]),
    ...(mesh.istio?.mode === "ambient" && mesh.istio.revision !== undefined
      ? [
          {
            path: ["mesh", "istio", "revision"],
            hint: { allowed: "nothing in ambient mode: pods get no sidecar that a revision would inject" },
          },
        ]
      : []),
    ...unsaid,
  ];
}

function accessConflictsOf(mesh: PartialConfig["mesh"], access: readonly Intent[]) {
  if (mesh?.linkerd) return [...linkerdConflicts(access), ...servicesInVain(access)];
  if (!mesh?.istio) return servicesInVain(access);
  const { mode = "sidecar", pathNormalization = "BASE", waypoint } = mesh.istio;
  return istioConflicts(access, { mode, pathNormalization, waypoint });
}

/** Keys that SPIRE at this version, or without an authority above it, cannot have. */
function signingKeys({ auth, spire }: PartialConfig): Conflict[] {
  const { keyManager = {}, upstreamAuthority, version } = spire ?? {};
  const path = ["spire", "keyManager"];
  return [
    ...(keyManager.memory && !upstreamAuthority
      ? [{ path, hint: { allowed: "anything but memory, or an upstreamAuthority: with each pod the root would go" } }]
      : []),
    ...(keyManager.vault && auth !== false && version !== undefined && minorNumberOf(version) < 15
      ? [{ path: [...path, "vault"], hint: { allowed: "nothing with a SPIRE below 1.15, which does not know it" } }]
      : []),
  ];
}

/** The agents' namespace is made privileged, and made here. */
function agentsAmongOthers({ spire, cluster }: PartialConfig): Conflict[] {
  const namespace = spire?.agentNamespace;
  if (namespace === undefined || (!namespace.startsWith("kube-") && namespace !== cluster?.cilium?.namespace))
    return [];
  const hint = { allowed: "a namespace of SPIRE's own, which this program makes", example: "spire-agents" };
  return [{ path: ["spire", "agentNamespace"], hint }];
}

/** An intent for a namespace without a phase would silently do nothing. */
function missingPhases({ access = [], rollout }: PartialConfig): Conflict[] {
  const known = rollout?.phases;
  if (!known) return [];
  const wanted = new Map(access.map(({ target }, i) => [target.namespace, i]));
  return [...wanted]
    .filter(([namespace]) => !Object.hasOwn(known, namespace))
    .map(([namespace, i]) => ({
      path: ["rollout", "phases", namespace],
      hint: { allowed: `${phases.join(", ")}: access[${i}] needs to know how far to go`, example: "observe" },
    }));
}
