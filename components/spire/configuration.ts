import { agentAttestor, attestsOnce, parentIdTemplate, serverAttestor } from "./plugins/attestor";
import { upstreamPlugin } from "./plugins/authority";
import { datastoreData } from "./plugins/datastore";
import { bundleEndpoint } from "./registration/federation";
import { keyPlugin } from "./plugins/keys";
import { metricsPorts, telemetry } from "./addons/monitoring";
import type { Oidc, ManagedSpire } from "./settings";
import { ciliumIds, spire } from "../../core/schema/spireNames";

/** Files under which a pod finds its configuration, and directories that two containers share. */
export const paths = {
  config: "/run/spire/config",
  data: "/run/spire/data",
  bundle: "/run/spire/bundle",
  tokens: "/var/run/secrets/tokens",
  privateSockets: "/tmp/spire-server/private",
} as const;

export const healthPorts = { server: 8080, agent: 9982, controllerManager: 8083 } as const;

const health = (port: number, address: string) => ({
  listener_enabled: true,
  bind_address: address,
  bind_port: String(port),
  live_path: "/live",
  ready_path: "/ready",
});

/** The issuer in JWT-SVIDs, where others are to find their keys. */
export const issuerOf = ({ domain }: Oidc) => `https://${domain}`;

/** SPIRE server's configuration, JSON as `spire-server validate` accepts it (doc/spire_server.md). */
export function serverConfiguration(args: ManagedSpire): object {
  const { trustDomain, clusterName, agentNamespace, ciliumNamespace, ttl } = args;
  const upstream = upstreamPlugin(args.upstreamAuthority);
  return {
    server: {
      bind_address: "0.0.0.0",
      bind_port: String(spire.serverPort),
      socket_path: `${paths.privateSockets}/api.sock`,
      trust_domain: trustDomain,
      data_dir: paths.data,
      log_level: "info",
      log_format: "json",
      audit_log_enabled: true,
      ca_key_type: "ec-p256",
      ca_subject: [{ common_name: trustDomain }],
      ca_ttl: ttl.ca,
      agent_ttl: ttl.agent,
      default_x509_svid_ttl: ttl.x509Svid,
      default_jwt_svid_ttl: ttl.jwtSvid,
      prune_attested_nodes_expired_for: "168h",
      // Lets Cilium's operator register an entry for each CiliumIdentity.
      ...(ciliumNamespace === undefined ? {} : { admin_ids: [`spiffe://${trustDomain}${ciliumIds.operator}`] }),
      ...(args.federation ? { federation: bundleEndpoint } : {}),
      ...(args.oidc ? { jwt_issuer: issuerOf(args.oidc) } : {}),
    },
    plugins: {
      DataStore: plugin("sql", datastoreData(args.datastore, `${paths.data}/datastore.sqlite3`)),
      KeyManager: plugin(...keyPlugin(args.keyManager, paths.data)),
      ...(upstream ? { UpstreamAuthority: plugin(...upstream) } : {}),
      NodeAttestor: serverAttestor(args),
      BundlePublisher: plugin("k8s_configmap", {
        clusters: [
          {
            [clusterName]: {
              namespace: agentNamespace,
              configmap_name: spire.bundle.configMap,
              configmap_key: spire.bundle.key,
              format: "spiffe",
            },
          },
        ],
      }),
    },
    health_checks: health(healthPorts.server, "0.0.0.0"),
    ...telemetry(args.monitoring, metricsPorts.server),
  };
}

/** SPIRE agent's configuration (doc/spire_agent.md). */
export function agentConfiguration(args: ManagedSpire): object {
  const { trustDomain, ciliumNamespace, skipKubeletVerification, monitoring } = args;
  const once = attestsOnce(args);
  return {
    agent: {
      data_dir: paths.data,
      trust_domain: trustDomain,
      // Several servers are told apart by the agent, which goes from one to the next; behind one address it would stay with the one that it has met.
      server_address: `${args.replicas > 1 ? spire.headless : spire.server}.${spire.namespace}.svc`,
      server_port: String(spire.serverPort),
      socket_path: spire.sockets.workload,
      // Lets Cilium's agent ask for the identities of the pods on its node.
      ...(ciliumNamespace === undefined
        ? {}
        : {
            admin_socket_path: spire.sockets.admin,
            authorized_delegates: [`spiffe://${trustDomain}${ciliumIds.agent}`],
          }),
      trust_bundle_path: `${paths.bundle}/${spire.bundle.key}`,
      trust_bundle_format: "spiffe",
      // An agent that no longer knows the server's authority starts again from the published bundle. One that attests only once cannot, and does not start where it is told to (pkg/agent/agent.go).
      ...(once ? { rebootstrap_mode: "never" } : { rebootstrap_mode: "always", rebootstrap_delay: "10m" }),
      log_level: "info",
      log_format: "json",
    },
    plugins: {
      NodeAttestor: agentAttestor(args, paths.tokens),
      KeyManager: once ? plugin("disk", { directory: paths.data }) : plugin("memory", {}),
      WorkloadAttestor: plugin("k8s", {
        // The kubelet is asked at the node's own address, so that its certificate's name can be verified.
        node_name_env: "NODE_ADDRESS",
        skip_kubelet_verification: skipKubeletVerification,
      }),
    },
    health_checks: health(healthPorts.agent, "127.0.0.1"),
    ...telemetry(monitoring, metricsPorts.agent),
  };
}

/**
 * spire-controller-manager's configuration. Without `entryIDPrefix` it deletes every entry that it did not declare, and with them those that Cilium's
 * operator registers (pkg/spireentry/reconciler.go).
 */
export function controllerManagerConfiguration(args: ManagedSpire): object {
  const { trustDomain, clusterName, replicas, workloads, federation, monitoring } = args;
  const parent = parentIdTemplate(args);
  return {
    apiVersion: "spire.spiffe.io/v1alpha1",
    kind: "ControllerManagerConfig",
    clusterName,
    clusterDomain: "cluster.local",
    trustDomain,
    entryIDPrefix: clusterName,
    ...(parent === undefined ? {} : { parentIDTemplate: parent }),
    spireServerSocketPath: `${paths.privateSockets}/api.sock`,
    reconcile: {
      clusterSPIFFEIDs: workloads.length > 0,
      clusterFederatedTrustDomains: federation !== undefined,
      clusterStaticEntries: true,
    },
    // Each server has one beside it, and one of them at a time reconciles.
    ...(replicas > 1
      ? { leaderElection: { leaderElect: true, resourceName: leaseName, resourceNamespace: spire.namespace } }
      : {}),
    health: { healthProbeBindAddress: `:${healthPorts.controllerManager}` },
    metrics: { bindAddress: monitoring ? `:${metricsPorts.controllerManager}` : "0" },
  };
}

/** The lease by which controller-managers agree. */
export const leaseName = "spire-controller-manager";

/** `DataStore: [{ sql: { plugin_data: {…} } }]`, the JSON of HCL's `DataStore "sql" { plugin_data { … } }`. */
function plugin(name: string, data: object) {
  return [{ [name]: { plugin_data: data } }];
}
