import { type Csi, type ManagedSpire } from "../settings";
import { labelsOf, owned, unawaited, type KubernetesObject } from "../../../core/util/kubernetes";
import { imagesOf } from "../images";
import { resources, restricted, selectorOf } from "../pods";
import { serviceAccount } from "../rbac";
import { spire } from "../../../core/schema/spireNames";

/** The driver, as pods name it. The same for every SPIFFE implementation, so a cluster has one. */
export const csiDriver = "csi.spiffe.io";

const name = "spiffe-csi-driver";
const healthPort = 9809;

/**
 * SPIFFE's CSI driver (github.com/spiffe/spiffe-csi), by the name of each object. In a DaemonSet of its own, so that no agent is restarted when it comes, or is upgraded. It
 * calls nobody, and has no right in the cluster.
 */
export function csiObjects(args: ManagedSpire, { kubeletDirectory }: Csi): Record<string, KubernetesObject> {
  const namespace = args.agentNamespace;
  const metadata = { name, namespace, ...owned(name) };
  return {
    "csi-driver": {
      apiVersion: "storage.k8s.io/v1",
      kind: "CSIDriver",
      metadata: { name: csiDriver, ...owned(name) },
      spec: {
        attachRequired: false,
        // Says whether a volume is a pod's own, without which the driver mounts none.
        podInfoOnMount: true,
        // Everybody may use the socket: nothing is to be changed about whose it is.
        fsGroupPolicy: "None",
        volumeLifecycleModes: ["Ephemeral"],
      },
    },
    "csi-account": serviceAccount({ name, namespace }),
    "csi-network": {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata,
      spec: { podSelector: { matchLabels: selectorOf(name) }, policyTypes: ["Ingress", "Egress"] },
    },
    csi: {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { ...metadata, ...owned(name, { annotations: unawaited }) },
      spec: {
        selector: { matchLabels: selectorOf(name) },
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1 } },
        template: { metadata: { labels: labelsOf(name) }, spec: podSpec(args, kubeletDirectory) },
      },
    },
  };
}

function podSpec(args: ManagedSpire, kubeletDirectory: string): object {
  // Where they are on the node, since the kubelet and the driver name paths to each other.
  const plugin = `${kubeletDirectory}/plugins/${csiDriver}`;
  const pods = `${kubeletDirectory}/pods`;
  // All that pods are given: not the directory above, which has the admin socket.
  const sockets = spire.sockets.workloadDirectory;
  const { csiDriver: driverImage, csiRegistrar } = imagesOf(args);
  const socket = `${plugin}/csi.sock`;
  const imagePullPolicy = args.images.pullPolicy;
  const hostPath = (name: string, path: string, type: string) => ({ name, hostPath: { path, type } });
  const probe = { httpGet: { path: "/healthz", port: "health" }, timeoutSeconds: 5 };
  return {
    serviceAccountName: name,
    automountServiceAccountToken: false,
    priorityClassName: "system-node-critical",
    tolerations: [{ operator: "Exists" }],
    // Root, since the kubelet's directories are root's.
    securityContext: { runAsUser: 0, runAsGroup: 0, seccompProfile: { type: "RuntimeDefault" } },
    containers: [
      {
        name,
        image: driverImage,
        imagePullPolicy,
        args: [`-workload-api-socket-dir=${sockets}`, `-csi-socket-path=${socket}`],
        env: [{ name: "MY_NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }],
        resources: resources("10m", "32Mi", "128Mi"),
        // What it mounts has to be seen by the kubelet, and Kubernetes lets nobody else mount for the node than a privileged container.
        securityContext: { privileged: true, readOnlyRootFilesystem: true },
        volumeMounts: [
          { name: "sockets", mountPath: sockets, readOnly: true },
          { name: "plugin", mountPath: plugin },
          { name: "pods", mountPath: pods, mountPropagation: "Bidirectional" },
        ],
      },
      {
        // Tells the kubelet that there is a driver, and where.
        name: "csi-node-driver-registrar",
        image: csiRegistrar,
        imagePullPolicy,
        args: [`--csi-address=${socket}`, `--kubelet-registration-path=${socket}`, `--http-endpoint=:${healthPort}`],
        ports: [{ name: "health", containerPort: healthPort, protocol: "TCP" }],
        readinessProbe: { ...probe, periodSeconds: 5 },
        livenessProbe: { ...probe, periodSeconds: 30 },
        resources: resources("10m", "32Mi", "128Mi"),
        securityContext: restricted,
        volumeMounts: [
          { name: "plugin", mountPath: plugin },
          { name: "registration", mountPath: "/registration" },
        ],
      },
    ],
    volumes: [
      // Whichever of the two is first on a node, the agent or the driver: it is one directory, and the agent's socket is made anew in it.
      hostPath("sockets", sockets, "DirectoryOrCreate"),
      hostPath("plugin", plugin, "DirectoryOrCreate"),
      hostPath("registration", `${kubeletDirectory}/plugins_registry`, "Directory"),
      hostPath("pods", pods, "Directory"),
    ],
  };
}
