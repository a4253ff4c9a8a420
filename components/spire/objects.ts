import { owned, type KubernetesObject, type PlannedObject } from "../kubernetes";
import { agentConfigMap, agentDaemonSet } from "./agent";
import { leaseName } from "./configuration";
import { generatedPassword, isShared, passwordSecret } from "./datastore";
import {
  agentClusterRules,
  certificateRules,
  electionRules,
  roleAndBinding,
  serverClusterRules,
  serverNamespaceRules,
  serviceAccount,
  workloadRules,
} from "./rbac";
import { spiffeIdCrd, staticEntryCrd } from "./definitions";
import { ciliumEntries, clusterSpiffeId } from "./registration";
import {
  headlessService,
  serverBudget,
  serverConfigMap,
  serverNetworkPolicy,
  serverParts,
  serverService,
  serverStatefulSet,
  serverVolume,
} from "./server";
import { spire, type ManagedSpire, type SpireArgs } from "./settings";

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
  const ids = args.workloads.map((workload) => add(`id-${workload.name}`, clusterSpiffeId(workload), idCrd));
  const entries = ciliumEntries(args).map((entry) => add(`entry-${entry.metadata.name}`, entry, [crd], true));

  // Kept, since a namespace takes its volumes with it.
  const shared = args.agentNamespace === spire.namespace;
  const within = [add("namespace", namespace(spire.namespace, shared ? "privileged" : "restricted"), [], true)];
  const agentsWithin = shared
    ? within
    : [add("agent-namespace", namespace(args.agentNamespace, "privileged"), [], true)];

  const serverAccount = { name: spire.server, namespace: spire.namespace };
  const serverConfig = serverConfigMap(args);
  const serverNeeds = [
    crd,
    ...idCrd,
    add("server-account", serviceAccount(serverAccount, serverParts(args).annotations), within),
    ...addPair("server-cluster", roleAndBinding(serverAccount, serverClusterRules), []),
    ...addPair("server", roleAndBinding(serverAccount, serverNamespaceRules, args.agentNamespace), agentsWithin),
    ...(args.workloads.length > 0
      ? addPair("workloads", roleAndBinding(serverAccount, workloadRules, undefined, "spire-workloads"), [])
      : []),
    ...(args.replicas > 1
      ? addPair("election", roleAndBinding(serverAccount, electionRules, spire.namespace, leaseName), within)
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
    ...(isShared(args.datastore) && args.datastore.passwordSecret === undefined
      ? [add("datastore-password", passwordSecret(), within, "retained", { password: generatedPassword.key })]
      : []),
    add("server-headless", headlessService(args), within),
    ...(args.replicas > 1 ? [add("server-budget", serverBudget(), within)] : []),
    add("server-network", serverNetworkPolicy(), within),
  ];
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
