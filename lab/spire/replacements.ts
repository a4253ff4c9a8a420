/** Where the parts of SPIRE find each other on one machine, instead of in pods. */
export interface Places {
  /** Of the server: its data, its socket, a kubeconfig of its service account, and what it reads of the nodes. */
  readonly server: {
    readonly data: string;
    readonly socket: string;
    readonly kubeconfig: string;
    readonly nodes: string;
  };
  /** Ports on loopback. */
  readonly ports: {
    readonly server: number;
    readonly serverHealth: number;
    readonly managerHealth: number;
    readonly bundle: number;
    readonly serverMetrics: number;
    readonly managerMetrics: number;
  };
}

/** The same of one agent, and what the kubelet would have mounted into its pod. */
export interface AgentPlaces {
  readonly data: string;
  readonly workloadSocket: string;
  readonly adminSocket: string;
  readonly bundle: string;
  readonly token: string;
  /** The directory of the node's certificate. */
  readonly node: string;
  readonly kubelet: { readonly port: number; readonly authority: string; readonly token: string };
  readonly healthPort: number;
  readonly metricsPort: number;
}

/** Values by the path of the one that each takes the place of: `server.bind_port`. */
export type Replacements = Readonly<Record<string, string | number>>;

const loopback = "127.0.0.1";

type Plugins = Readonly<Record<string, readonly [object]>>;
const hasPlugin = (plugins: Plugins) => (type: string, name: string) => Object.hasOwn(plugins[type]?.[0] ?? {}, name);

/** @param configuration what of it is replaced depends on the plugins that it has */
export function serverReplacements(
  { server, ports }: Places,
  clusterName: string,
  configuration: object,
): Replacements {
  const {
    plugins,
    server: own,
    telemetry,
  } = configuration as {
    plugins: Plugins;
    server: object;
    telemetry?: object;
  };
  const has = hasPlugin(plugins);
  const sqlite = JSON.stringify(plugins["DataStore"]).includes('"sqlite3"');
  return {
    "server.bind_address": loopback,
    "server.bind_port": String(ports.server),
    "server.socket_path": server.socket,
    "server.data_dir": server.data,
    ...("federation" in own
      ? {
          "server.federation.bundle_endpoint.address": loopback,
          "server.federation.bundle_endpoint.port": ports.bundle,
        }
      : {}),
    ...(sqlite ? { "plugins.DataStore.0.sql.plugin_data.connection_string": `${server.data}/datastore.sqlite3` } : {}),
    ...(has("KeyManager", "disk")
      ? { "plugins.KeyManager.0.disk.plugin_data.keys_path": `${server.data}/keys.json` }
      : {}),
    ...(has("UpstreamAuthority", "cert-manager")
      ? { "plugins.UpstreamAuthority.0.cert-manager.plugin_data.kube_config_file": server.kubeconfig }
      : {}),
    ...(has("NodeAttestor", "x509pop")
      ? { "plugins.NodeAttestor.0.x509pop.plugin_data.ca_bundle_path": `${server.nodes}/ca.pem` }
      : {}),
    // In a pod these two are the account of the pod.
    ...(has("NodeAttestor", "k8s_psat")
      ? {
          [`plugins.NodeAttestor.0.k8s_psat.plugin_data.clusters.0.${clusterName}.kube_config_file`]: server.kubeconfig,
        }
      : {}),
    [`plugins.BundlePublisher.0.k8s_configmap.plugin_data.clusters.0.${clusterName}.kubeconfig_path`]:
      server.kubeconfig,
    "health_checks.bind_address": loopback,
    "health_checks.bind_port": String(ports.serverHealth),
    ...(telemetry ? { "telemetry.Prometheus.host": loopback, "telemetry.Prometheus.port": ports.serverMetrics } : {}),
  };
}

export function agentReplacements(agent: AgentPlaces, { ports }: Places, configuration: object): Replacements {
  const has = hasPlugin((configuration as { plugins: Plugins }).plugins);
  return {
    ...("telemetry" in configuration
      ? { "telemetry.Prometheus.host": loopback, "telemetry.Prometheus.port": agent.metricsPort }
      : {}),
    "agent.data_dir": agent.data,
    "agent.server_address": loopback,
    "agent.server_port": String(ports.server),
    "agent.socket_path": agent.workloadSocket,
    "agent.admin_socket_path": agent.adminSocket,
    "agent.trust_bundle_path": agent.bundle,
    // The one value that is neither a path nor an address: a test does not wait for ten minutes.
    "agent.rebootstrap_delay": "1s",
    ...(has("NodeAttestor", "k8s_psat")
      ? { "plugins.NodeAttestor.0.k8s_psat.plugin_data.token_path": agent.token }
      : {}),
    ...(has("NodeAttestor", "x509pop")
      ? {
          "plugins.NodeAttestor.0.x509pop.plugin_data.private_key_path": `${agent.node}/tls.key`,
          "plugins.NodeAttestor.0.x509pop.plugin_data.certificate_path": `${agent.node}/tls.crt`,
        }
      : {}),
    // In a pod these three are the kubelet's own port, and the account of the pod.
    "plugins.WorkloadAttestor.0.k8s.plugin_data.kubelet_secure_port": agent.kubelet.port,
    "plugins.WorkloadAttestor.0.k8s.plugin_data.kubelet_ca_path": agent.kubelet.authority,
    "plugins.WorkloadAttestor.0.k8s.plugin_data.token_path": agent.kubelet.token,
    "health_checks.bind_port": String(agent.healthPort),
  };
}

/** @param configuration what of it is replaced depends on whether it serves metrics */
export function managerReplacements({ server, ports }: Places, configuration: object): Replacements {
  const { metrics } = configuration as { metrics: { bindAddress: string } };
  return {
    ...(metrics.bindAddress === "0" ? {} : { "metrics.bindAddress": `${loopback}:${ports.managerMetrics}` }),
    spireServerSocketPath: server.socket,
    "health.healthProbeBindAddress": `${loopback}:${ports.managerHealth}`,
  };
}

/**
 * A configuration with other values at some paths.
 *
 * @throws where the object that a path leads into is not there
 */
export function replace(configuration: object, replacements: Replacements): object {
  const copy = structuredClone(configuration);
  for (const [path, value] of Object.entries(replacements)) {
    const keys = path.split(".");
    const last = keys.pop() ?? "";
    let at: unknown = copy;
    for (const key of keys) at = (at as Record<string, unknown> | undefined)?.[key];
    if (typeof at !== "object" || at === null) throw new Error(`there is no ${keys.join(".")} to put ${last} into`);
    (at as Record<string, unknown>)[last] = value;
  }
  return copy;
}
