import { labelsOf, type KubernetesObject, type PlannedObject } from "../kubernetes";
import { agentConfigMap, agentDaemonSet } from "./agent";
import { agentClusterRules, roleAndBinding, serverClusterRules, serverNamespaceRules, serviceAccount } from "./rbac";
import { ciliumEntries, staticEntryCrd } from "./registration";
import { headlessService, serverConfigMap, serverService, serverStatefulSet, serverVolume } from "./server";
import { spire, type SpireArgs } from "./settings";

/**
 * Everything SPIRE consists of, and the order: namespace, then accounts, rights, configuration and the volume, then the server, then the agents,
 * which need its bundle. The entries need only their CRD.
 *
 * @param component name of the component, the prefix of its resources' names
 */
export function spireObjects(component: string, args: SpireArgs): PlannedObject[] {
  const objects: PlannedObject[] = [];
  const add = (thing: string, manifest: KubernetesObject, after: string[] = [], keep = false): string => {
    const name = `${component}-${thing}`;
    objects.push({ name, manifest, after, keep });
    return name;
  };
  const addPair = (thing: string, [role, binding]: [KubernetesObject, KubernetesObject], after: string[]) => {
    const roleName = add(`${thing}-role`, role, after);
    return [roleName, add(`${thing}-binding`, binding, [...after, roleName])];
  };

  const crd = add("crd-clusterstaticentries", staticEntryCrd(), [], true);
  const entries = ciliumEntries(args).map((entry) => add(`entry-${entry.metadata.name}`, entry, [crd], true));

  // Kept, since a namespace takes its volumes with it.
  const within = [add("namespace", namespace(), [], true)];
  const serverConfig = serverConfigMap(args);
  const serverNeeds = [
    crd,
    add("server-account", serviceAccount(spire.server), within),
    ...addPair("server-cluster", roleAndBinding("Cluster", spire.server, serverClusterRules), []),
    ...addPair("server", roleAndBinding("Namespace", spire.server, serverNamespaceRules), within),
    add("server-config", serverConfig, within),
    add("server-data", serverVolume(args), within, true),
    add("server-headless", headlessService(), within),
  ];
  const server = add("server", serverStatefulSet(args, serverConfig), [...within, ...serverNeeds]);

  const agentConfig = agentConfigMap(args);
  const agentNeeds = [
    server,
    ...entries,
    add("server-service", serverService(), within),
    add("agent-account", serviceAccount(spire.agent), within),
    ...addPair("agent-cluster", roleAndBinding("Cluster", spire.agent, agentClusterRules), []),
    add("agent-config", agentConfig, within),
  ];
  add("agent", agentDaemonSet(args, agentConfig), [...within, ...agentNeeds]);
  return objects;
}

/** Privileged, for the agents; the server's own pod meets `restricted`. */
function namespace(): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: spire.namespace,
      labels: {
        ...labelsOf("spire"),
        "pod-security.kubernetes.io/enforce": "privileged",
        "pod-security.kubernetes.io/warn": "privileged",
        "pod-security.kubernetes.io/audit": "privileged",
      },
    },
  };
}
