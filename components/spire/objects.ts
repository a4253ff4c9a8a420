import { owned, type KubernetesObject, type PlannedObject } from "../../core/util/kubernetes";
import { agentConfigMap, agentDaemonSet } from "./agent";
import { leaseName } from "./configuration";
import { generatedPassword, isShared, passwordSecret } from "./plugins/datastore";
import {
  agentClusterRules,
  certificateRules,
  electionRules,
  federationRules,
  roleAndBinding,
  serverClusterRules,
  serverNamespaceRules,
  serviceAccount,
  workloadRules,
} from "./rbac";
import { registrationPolicy } from "./registration/admission";
import { csiObjects } from "./addons/csi";
import { federatedTrustDomainCrd, spiffeIdCrd, staticEntryCrd } from "./registration/definitions";
import { bundleService, federatedTrustDomain } from "./registration/federation";
import {
  labDatabaseNetworkPolicy,
  labDatabaseService,
  labDatabaseStatefulSet,
  labDatabaseVolume,
} from "./addons/labDatabase";
import { monitoringObjects } from "./addons/monitoring";
import { serverEgressPolicy, serverNetworkPolicy } from "./network";
import { oidcObjects } from "./addons/oidc";
import { ownEntries, clusterSpiffeId, clusterStaticEntry } from "./registration/registration";
import {
  headlessService,
  serverBudget,
  serverConfigMap,
  serverParts,
  serverService,
  serverStatefulSet,
  serverVolume,
} from "./server";
import type { ManagedSpire, SpireArgs } from "./settings";
import { spire } from "../../core/schema/spireNames";

const serverServiceName = "server-service";

/** The resource of a component that Cilium needs before all others of SPIRE's. */
export const serviceOf = (component: string) => `${component}-${serverServiceName}`;

/**
 * What the component makes: all of SPIRE, or the namespace alone where Cilium's chart installs the rest.
 *
 * @param component name of the component, the prefix of its resources' names
 */
export function spireObjects(component: string, args: SpireArgs): PlannedObject[] {
  if (args.install === "managed") return managedObjects(component, args);
  return [
    { name: `${component}-namespace`, manifest: namespace(spire.namespace, "privileged"), after: [], keep: true },
  ];
}

/**
 * The order: namespaces, then accounts, rights, configuration and the volume, then the server, then the agents, which need its bundle. The entries need
 * only their CRD.
 */
function managedObjects(component: string, args: ManagedSpire): PlannedObject[] {
  const objects: PlannedObject[] = [];
  const add = (
    thing: string,
    manifest: KubernetesObject,
    after: string[] = [],
    keep: PlannedObject["keep"] = false,
    more: Pick<PlannedObject, "password"> = {},
  ): string => {
    const name = `${component}-${thing}`;
    objects.push({ name, manifest, after, keep, ...more });
    return name;
  };
  const addPair = (thing: string, [role, binding]: [KubernetesObject, KubernetesObject], after: string[]) => {
    const roleName = add(`${thing}-role`, role, after);
    return [roleName, add(`${thing}-binding`, binding, [...after, roleName])];
  };

  const crd = add("crd-clusterstaticentries", staticEntryCrd(), [], true);
  const idCrd = args.workloads.length > 0 ? [add("crd-clusterspiffeids", spiffeIdCrd(), [], "retained")] : [];
  const { federation } = args;
  const peerCrd = federation
    ? [add("crd-clusterfederatedtrustdomains", federatedTrustDomainCrd(), [], "retained")]
    : [];
  const peers = (federation?.peers ?? []).map((peer) =>
    add(`federation-${peer.trustDomain}`, federatedTrustDomain(peer), peerCrd),
  );
  const ids = args.workloads.map((workload) =>
    add(`id-${workload.name}`, clusterSpiffeId(workload), [...idCrd, ...peers]),
  );
  const entries = [
    // Those of Cilium are never without use; an alias alone goes with what is below it.
    ...ownEntries(args).map((entry) =>
      add(`entry-${entry.metadata.name}`, entry, [crd], args.ciliumNamespace !== undefined),
    ),
    ...args.entries.map((entry) => add(`entry-${entry.name}`, clusterStaticEntry(args, entry), [crd, ...peers])),
  ];
  if (args.admissionPolicy) {
    const [policy, binding] = registrationPolicy(args);
    add("admission-binding", binding, [add("admission-policy", policy)]);
  }

  // Kept, since a namespace takes its volumes with it.
  const shared = args.agentNamespace === spire.namespace;
  const within = [add("namespace", namespace(spire.namespace, shared ? "privileged" : "restricted"), [], true)];
  const agentsWithin = shared
    ? within
    : [add("agent-namespace", namespace(args.agentNamespace, "privileged"), [], true)];

  const serverAccount = { name: spire.server, namespace: spire.namespace };
  const serverConfig = serverConfigMap(args);
  const password =
    isShared(args.datastore) && args.datastore.passwordSecret === undefined
      ? [add("datastore-password", passwordSecret(), within, "retained", { password: generatedPassword.key })]
      : [];
  const serverNeeds = [
    crd,
    ...idCrd,
    ...peerCrd,
    add("server-account", serviceAccount(serverAccount, serverParts(args).annotations), within),
    ...addPair("server-cluster", roleAndBinding(serverAccount, serverClusterRules(args)), []),
    ...addPair("server", roleAndBinding(serverAccount, serverNamespaceRules(args), args.agentNamespace), agentsWithin),
    ...(args.workloads.length > 0
      ? addPair("workloads", roleAndBinding(serverAccount, workloadRules, undefined, "spire-workloads"), [])
      : []),
    ...(args.replicas > 1
      ? addPair("election", roleAndBinding(serverAccount, electionRules, spire.namespace, leaseName), within)
      : []),
    ...(federation
      ? addPair("federation", roleAndBinding(serverAccount, federationRules, undefined, "spire-federation"), [])
      : []),
    ...(args.upstreamAuthority.certManager
      ? addPair(
          "certificates",
          roleAndBinding(serverAccount, certificateRules, spire.namespace, "spire-certificates"),
          within,
        )
      : []),
    add("server-config", serverConfig, within),
    ...(isShared(args.datastore) ? [] : [add("server-data", serverVolume(args), within, true)]),
    ...password,
    ...(isShared(args.datastore) && args.datastore.lab
      ? [
          add("database", labDatabaseStatefulSet(args), [
            ...within,
            ...password,
            add("database-data", labDatabaseVolume(args), within, true),
            add("database-service", labDatabaseService(), within),
            add("database-network", labDatabaseNetworkPolicy(), within),
          ]),
        ]
      : []),
    add("server-headless", headlessService(args), within),
    ...(args.replicas > 1 ? [add("server-budget", serverBudget(), within)] : []),
    ...(federation ? [add("server-bundle", bundleService(federation), within)] : []),
    add("server-network", serverNetworkPolicy(args), within),
  ];
  // Nothing waits for it: what keeps it from being made must not keep SPIRE from being there.
  if (args.egressPolicy) add("server-egress", serverEgressPolicy(args), within);
  const server = add("server", serverStatefulSet(args, serverConfig), [...within, ...serverNeeds]);

  const agentAccount = { name: spire.agent, namespace: args.agentNamespace };
  const agentConfig = agentConfigMap(args);
  const agentNeeds = [
    server,
    ...entries,
    ...ids,
    add(serverServiceName, serverService(), within),
    add("agent-account", serviceAccount(agentAccount), agentsWithin),
    ...addPair("agent-cluster", roleAndBinding(agentAccount, agentClusterRules), []),
    add("agent-config", agentConfig, agentsWithin),
  ];
  add("agent", agentDaemonSet(args, agentConfig), [...agentsWithin, ...agentNeeds]);
  const extras = {
    ...(args.monitoring ? monitoringObjects(args, args.monitoring) : {}),
    ...(args.oidc ? oidcObjects(args, args.oidc) : {}),
  };
  const made: string[] = [];
  for (const [thing, manifest] of Object.entries(extras)) {
    // A pod comes after its other objects, and after the server, which publishes what it reads.
    const needs = manifest.kind === "Deployment" ? [server, ...made] : [];
    made.push(add(thing, manifest, [...within, ...agentsWithin, ...needs]));
  }
  const csi: string[] = [];
  // Retained: without a driver nobody unmounts what a pod has of it, and the pod never ends.
  for (const [thing, manifest] of Object.entries(args.csi ? csiObjects(args, args.csi) : {}))
    csi.push(add(thing, manifest, [...agentsWithin, ...csi], "retained"));
  return objects;
}

/** Enforces Pod Security at one level. The agents need `privileged`; the server's own pod meets `restricted`. */
function namespace(name: string, level: "privileged" | "restricted"): KubernetesObject {
  const modes = ["enforce", "warn", "audit"].map((mode) => [`pod-security.kubernetes.io/${mode}`, level] as const);
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, ...owned("spire", { labels: Object.fromEntries(modes) }) },
  };
}
