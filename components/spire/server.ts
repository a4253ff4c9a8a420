import { owned, type KubernetesObject } from "../kubernetes";
import { controllerManagerConfiguration, healthPorts, paths, serverConfiguration } from "./configuration";
import { imagesOf } from "./images";
import { configMap, podTemplate, probes, resources, restricted, selectorOf } from "./pods";
import { spire, type ManagedSpire } from "./settings";

const headless = `${spire.server}-headless`;
const claim = "spire-data";
const metadataOf = (name: string) => ({ name, namespace: spire.namespace, ...owned(spire.server) });

export function serverConfigMap(args: ManagedSpire): KubernetesObject {
  return configMap(spire.server, spire.namespace, {
    "server.conf": serverConfiguration(args),
    "controller-manager.json": controllerManagerConfiguration(args),
  });
}

/** The datastore and the CA's keys: losing this volume means new identities for everyone. */
export function serverVolume({ storage: { size, className } }: ManagedSpire): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: metadataOf(claim),
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: size } },
      ...(className === undefined ? {} : { storageClassName: className }),
    },
  };
}

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
      ...owned(spire.server, { annotations: { "pulumi.com/skipAwait": "true" } }),
    },
    spec: { type: "ClusterIP", selector: selectorOf(spire.server), ports: [grpcPort] },
  };
}

/** Governs the StatefulSet: gives its pods their names. */
export function headlessService(): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadataOf(headless),
    spec: {
      clusterIP: "None",
      publishNotReadyAddresses: true,
      selector: selectorOf(spire.server),
      ports: [grpcPort],
    },
  };
}

/**
 * Nobody reaches the server but on its own port, where it wants to know who asks; the kubelet's probes pass as they do everywhere. From anywhere, since
 * agents and Cilium's operator come from the nodes' addresses, which network policies tell apart badly. Egress is untouched.
 */
export function serverNetworkPolicy(): KubernetesObject {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadataOf(spire.server),
    spec: {
      podSelector: { matchLabels: selectorOf(spire.server) },
      policyTypes: ["Ingress"],
      ingress: [{ ports: [{ port: spire.serverPort, protocol: "TCP" }] }],
    },
  };
}

export function serverStatefulSet(args: ManagedSpire, configuration: KubernetesObject): KubernetesObject {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: metadataOf(spire.server),
    spec: {
      replicas: args.replicas,
      serviceName: headless,
      selector: { matchLabels: selectorOf(spire.server) },
      template: podTemplate(spire.server, configuration, {
        serviceAccountName: spire.server,
        priorityClassName: "system-cluster-critical",
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 1000,
          runAsGroup: 1000,
          // Without it SPIRE 1.10 and later, which is not root, cannot open its volume.
          fsGroup: 1000,
          seccompProfile: { type: "RuntimeDefault" },
        },
        // The server refuses who is in a process namespace that it cannot see into (pkg/common/peertracker), even at its own socket: the sidecar would make no entry.
        shareProcessNamespace: true,
        containers: [serverContainer(args), controllerManagerContainer(args)],
        volumes: [
          { name: "config", configMap: { name: spire.server } },
          { name: "data", persistentVolumeClaim: { claimName: claim } },
          { name: "sockets", emptyDir: {} },
        ],
      }),
    },
  };
}

const grpcPort = { name: "grpc", port: spire.serverPort, targetPort: "grpc", protocol: "TCP" };
const configMount = { name: "config", mountPath: paths.config, readOnly: true };
const socketMount = { name: "sockets", mountPath: paths.privateSockets };

function serverContainer(args: ManagedSpire): object {
  return {
    name: spire.server,
    image: imagesOf(args).server,
    imagePullPolicy: args.images.pullPolicy,
    args: ["-config", `${paths.config}/server.conf`],
    ports: [
      { name: "grpc", containerPort: spire.serverPort, protocol: "TCP" },
      { name: "health", containerPort: healthPorts.server, protocol: "TCP" },
    ],
    ...probes(healthPorts.server),
    resources: resources("100m", "128Mi", "512Mi"),
    securityContext: restricted,
    volumeMounts: [configMount, { name: "data", mountPath: paths.data }, socketMount],
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
    ports: [{ name: "manager-health", containerPort: healthPorts.controllerManager, protocol: "TCP" }],
    livenessProbe: { httpGet: { path: "/healthz", port: healthPorts.controllerManager }, periodSeconds: 30 },
    resources: resources("10m", "64Mi", "256Mi"),
    securityContext: restricted,
    volumeMounts: [configMount, socketMount],
  };
}
