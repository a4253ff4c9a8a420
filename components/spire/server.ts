import { owned, unawaited, type KubernetesObject } from "../../core/util/kubernetes";
import { attestorParts, nodeFiles } from "./plugins/attestor";
import { upstreamParts } from "./plugins/authority";
import { datastoreParts, isShared } from "./plugins/datastore";
import { controllerManagerConfiguration, healthPorts, paths, serverConfiguration } from "./configuration";
import { bundlePort } from "./registration/federation";
import { imagesOf } from "./images";
import { keyParts } from "./plugins/keys";
import { metricsPort, metricsPorts } from "./addons/monitoring";
import { joined, type ServerParts } from "./plugins/parts";
import { configMap, podTemplate, probes, restricted, restrictedPod, selectorOf } from "./pods";
import type { ManagedSpire } from "./settings";
import { spire } from "../../core/schema/spireNames";
import { sized } from "./sizes";

const claim = "spire-data";
const metadataOf = (name: string) => ({ name, namespace: spire.namespace, ...owned(spire.server) });

export function serverConfigMap(args: ManagedSpire): KubernetesObject {
  return configMap(spire.server, spire.namespace, {
    "server.conf": serverConfiguration(args),
    "controller-manager.json": controllerManagerConfiguration(args),
    ...nodeFiles(args),
  });
}

/** The datastore and the CA's keys: losing this volume means new identities for everyone. */
export function serverVolume(args: ManagedSpire): KubernetesObject {
  const metadata = { name: claim, namespace: spire.namespace, ...owned(spire.server, { annotations: unawaited }) };
  return { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata, spec: claimSpec(args) };
}

/** What a volume of SPIRE's is claimed with. */
export const claimSpec = ({ storage: { size, className } }: ManagedSpire) => ({
  accessModes: ["ReadWriteOnce"],
  resources: { requests: { storage: size } },
  ...(className === undefined ? {} : { storageClassName: className }),
});

/**
 * ClusterIP, for agents and for Cilium, which asks the Kubernetes API for this address. Cilium's operator asks once, and where there is no such Service looks the
 * name up in DNS for ever, which nodes do not know (operator/auth/spire/client.go): so it has to be there before the operator starts, and before Cilium has given
 * the server's pod a network. Hence without waiting for that pod.
 */
export function serverService(): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: spire.server,
      namespace: spire.namespace,
      ...owned(spire.server, { annotations: unawaited }),
    },
    spec: { type: "ClusterIP", selector: selectorOf(spire.server), ports: [grpcPort] },
  };
}

/** Governs the StatefulSet: gives its pods their names. Where there are several it is what the agents ask for the servers, of which they want those that are ready. */
export function headlessService({ replicas }: ManagedSpire): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadataOf(spire.headless),
    spec: {
      clusterIP: "None",
      publishNotReadyAddresses: replicas === 1,
      selector: selectorOf(spire.server),
      ports: [grpcPort],
    },
  };
}

/** Lets a drain take one server at a time. Only of several: one alone could never be drained. */
export function serverBudget(): KubernetesObject {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadataOf(spire.server),
    spec: { maxUnavailable: 1, selector: { matchLabels: selectorOf(spire.server) } },
  };
}

/** Each server on a node of its own for as long as there are nodes, and the zones in turn where that can be. */
const spread = [
  { topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "DoNotSchedule" },
  { topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway" },
].map((constraint) => ({ maxSkew: 1, ...constraint, labelSelector: { matchLabels: selectorOf(spire.server) } }));

/** What the server's pod and its account have for what it is connected to. */
export const serverParts = (args: ManagedSpire): ServerParts =>
  joined([
    datastoreParts(args.datastore),
    upstreamParts(args.upstreamAuthority),
    keyParts(args.keyManager),
    attestorParts(args),
  ]);

export function serverStatefulSet(args: ManagedSpire, configuration: KubernetesObject): KubernetesObject {
  const shared = isShared(args.datastore);
  const parts = serverParts(args);
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { ...metadataOf(spire.server), ...owned(spire.server, { annotations: unawaited }) },
    spec: {
      replicas: args.replicas,
      serviceName: spire.headless,
      // Servers that share a database have keys of their own nevertheless, each on its volume; and none waits for another to be ready.
      ...(shared
        ? {
            podManagementPolicy: "Parallel",
            volumeClaimTemplates: [{ metadata: { name: "data" }, spec: claimSpec(args) }],
          }
        : {}),
      selector: { matchLabels: selectorOf(spire.server) },
      template: podTemplate(
        spire.server,
        configuration,
        {
          serviceAccountName: spire.server,
          priorityClassName: "system-cluster-critical",
          securityContext: restrictedPod,
          // The server refuses who is in a process namespace that it cannot see into (pkg/common/peertracker), even at its own socket: the sidecar would make no entry.
          shareProcessNamespace: true,
          ...(args.replicas > 1 ? { topologySpreadConstraints: spread } : {}),
          containers: [serverContainer(args, parts), controllerManagerContainer(args)],
          volumes: [
            { name: "config", configMap: { name: spire.server } },
            ...(shared ? [] : [{ name: "data", persistentVolumeClaim: { claimName: claim } }]),
            { name: "sockets", emptyDir: {} },
            ...parts.volumes,
          ],
        },
        parts.labels,
      ),
    },
  };
}

const grpcPort = { name: "grpc", port: spire.serverPort, targetPort: "grpc", protocol: "TCP" };
const configMount = { name: "config", mountPath: paths.config, readOnly: true };
const socketMount = { name: "sockets", mountPath: paths.privateSockets };

function serverContainer(args: ManagedSpire, parts: ServerParts): object {
  return {
    name: spire.server,
    image: imagesOf(args).server,
    imagePullPolicy: args.images.pullPolicy,
    args: ["-config", `${paths.config}/server.conf`, ...parts.args],
    ...(parts.env.length > 0 ? { env: parts.env } : {}),
    ports: [
      { name: "grpc", containerPort: spire.serverPort, protocol: "TCP" },
      ...(args.federation ? [{ name: "bundle", containerPort: bundlePort, protocol: "TCP" }] : []),
      { name: "health", containerPort: healthPorts.server, protocol: "TCP" },
      ...metricsPort(args.monitoring, "metrics", metricsPorts.server),
    ],
    ...probes(healthPorts.server),
    resources: sized(args).server,
    securityContext: restricted,
    volumeMounts: [configMount, { name: "data", mountPath: paths.data }, socketMount, ...parts.volumeMounts],
  };
}

/** Beside the server, whose private socket it needs. No readiness: agents must reach a server whose sidecar is away. */
function controllerManagerContainer(args: ManagedSpire): object {
  return {
    name: "spire-controller-manager",
    image: imagesOf(args).controllerManager,
    imagePullPolicy: args.images.pullPolicy,
    args: [`--config=${paths.config}/controller-manager.json`],
    env: [{ name: "ENABLE_WEBHOOKS", value: "false" }],
    ports: [
      { name: "manager-health", containerPort: healthPorts.controllerManager, protocol: "TCP" },
      ...metricsPort(args.monitoring, "manager-metrics", metricsPorts.controllerManager),
    ],
    livenessProbe: { httpGet: { path: "/healthz", port: healthPorts.controllerManager }, periodSeconds: 30 },
    resources: sized(args).controllerManager,
    securityContext: restricted,
    volumeMounts: [configMount, socketMount],
  };
}
