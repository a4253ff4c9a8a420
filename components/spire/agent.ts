import { owned, unawaited, type KubernetesObject } from "../../core/util/kubernetes";
import { agentParts, attestsByToken, attestsOnce, keptData, opensDevice } from "./plugins/attestor";
import { agentConfiguration, healthPorts, paths } from "./configuration";
import { imagesOf } from "./images";
import { metricsPort, metricsPorts } from "./addons/monitoring";
import { configMap, podTemplate, probes, restricted, selectorOf } from "./pods";
import type { ManagedSpire } from "./settings";
import { spire } from "../../core/schema/spireNames";
import { sized } from "./sizes";

export function agentConfigMap(args: ManagedSpire): KubernetesObject {
  return configMap(spire.agent, args.agentNamespace, { "agent.conf": agentConfiguration(args) });
}

/**
 * One agent on every node that Cilium runs on, hence the tolerations. It needs the host's process ids to attest its callers, the host's directory for
 * the sockets that Cilium mounts, and the host's network, so that identities do not depend on the network that depends on them.
 */
export function agentDaemonSet(args: ManagedSpire, configuration: KubernetesObject): KubernetesObject {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: spire.agent, namespace: args.agentNamespace, ...owned(spire.agent, { annotations: unawaited }) },
    spec: {
      selector: { matchLabels: selectorOf(spire.agent) },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: sized(args).atOnce } },
      template: podTemplate(spire.agent, configuration, {
        serviceAccountName: spire.agent,
        priorityClassName: "system-node-critical",
        hostPID: true,
        hostNetwork: true,
        dnsPolicy: "ClusterFirstWithHostNet",
        tolerations: [{ operator: "Exists" }],
        // Root, for the sockets' directory belongs to the host's root; but with no capability.
        securityContext: { runAsUser: 0, runAsGroup: 0, seccompProfile: { type: "RuntimeDefault" } },
        containers: [agentContainer(args)],
        volumes: [
          { name: "config", configMap: { name: spire.agent } },
          // Not optional: the kubelet holds the pod back until the server has published the bundle.
          { name: "bundle", configMap: { name: spire.bundle.configMap } },
          {
            name: "data",
            ...(attestsOnce(args) ? { hostPath: { path: keptData, type: "DirectoryOrCreate" } } : { emptyDir: {} }),
          },
          { name: "sockets", hostPath: { path: spire.sockets.directory, type: "DirectoryOrCreate" } },
          ...(attestsByToken(args) ? [tokenVolume] : []),
          ...agentParts(args).volumes,
        ],
      }),
    },
  };
}

const token = { path: spire.agent, audience: spire.audience, expirationSeconds: 7200 };
const tokenVolume = { name: "token", projected: { sources: [{ serviceAccountToken: token }] } };

function agentContainer(args: ManagedSpire): object {
  const parts = agentParts(args);
  return {
    name: spire.agent,
    image: imagesOf(args).agent,
    imagePullPolicy: args.images.pullPolicy,
    args: ["-config", `${paths.config}/agent.conf`],
    env: [{ name: "NODE_ADDRESS", valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } }, ...parts.env],
    ...(args.monitoring ? { ports: metricsPort(args.monitoring, "metrics", metricsPorts.agent) } : {}),
    ...probes(healthPorts.agent, "127.0.0.1"),
    resources: sized(args).agent,
    securityContext: opensDevice(args) ? { privileged: true, readOnlyRootFilesystem: true } : restricted,
    volumeMounts: [
      { name: "config", mountPath: paths.config, readOnly: true },
      { name: "bundle", mountPath: paths.bundle, readOnly: true },
      { name: "data", mountPath: paths.data },
      { name: "sockets", mountPath: spire.sockets.directory },
      ...(attestsByToken(args) ? [{ name: "token", mountPath: paths.tokens, readOnly: true }] : []),
      ...parts.volumeMounts,
    ],
  };
}
