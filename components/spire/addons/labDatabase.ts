import { labelsOf, owned, unawaited, type KubernetesObject } from "../../../core/util/kubernetes";
import { generatedPassword } from "../plugins/datastore";
import { labDatabaseImage } from "../images";
import { secretFiles } from "../plugins/parts";
import { resources, restricted, restrictedPod, selectorOf } from "../pods";
import { claimSpec } from "../server";
import type { ManagedSpire, SharedDatastore } from "../settings";
import { spire } from "../../../core/schema/spireNames";

const name = "spire-postgres";
const port = 5432;
const metadata = { name, namespace: spire.namespace, ...owned(name) };

/** How the servers are told of it. In clear: who may call it, and whom it may call, is for its NetworkPolicy. */
export const labDatastore: SharedDatastore = {
  type: "postgres",
  address: `${name}.${spire.namespace}.svc:${port}`,
  database: "postgres",
  user: "spire",
  tls: { mode: "disable" },
  lab: true,
};

/** Entries and nodes of a lab: like the servers' own volumes it outlives what uses it. */
export const labDatabaseVolume = (args: ManagedSpire): KubernetesObject => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { ...metadata, ...owned(name, { annotations: unawaited }) },
  spec: claimSpec(args),
});

/** Leads to the pod itself, of which there is one. */
export const labDatabaseService = (): KubernetesObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata,
  spec: {
    clusterIP: "None",
    selector: selectorOf(name),
    ports: [{ name: "postgres", port, targetPort: "postgres", protocol: "TCP" }],
  },
});

/** The servers alone reach it, and it calls nobody. */
export const labDatabaseNetworkPolicy = (): KubernetesObject => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata,
  spec: {
    podSelector: { matchLabels: selectorOf(name) },
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      { from: [{ podSelector: { matchLabels: selectorOf(spire.server) } }], ports: [{ port, protocol: "TCP" }] },
    ],
  },
});

/** The user of Docker's own image, which has it in its list of users: initdb wants to know its name. */
const user = { runAsUser: 999, runAsGroup: 999, fsGroup: 999 };
const directories = { volume: "/data", password: "/run/spire/password" } as const;
const data = `${directories.volume}/postgres`;

/** Makes the database where there is none yet, whole or not at all, and serves it. Whatever has PostgreSQL's own programs and a shell can run it. */
const start = [
  "set -eu",
  `if [ ! -d ${data} ]; then`,
  `  rm -rf ${data}.new`,
  `  initdb --pgdata=${data}.new --username=${labDatastore.user} --pwfile=${directories.password}/${generatedPassword.key} --auth=scram-sha-256 --encoding=UTF8 --no-locale`,
  `  echo 'host all all all scram-sha-256' >${data}.new/pg_hba.conf`,
  `  mv ${data}.new ${data}`,
  "fi",
  // The kubelet gives what is on a volume to the pod's group, and PostgreSQL refuses a directory that a group may write.
  `chmod 00700 ${data}`,
  `exec postgres -D ${data} -p ${port} -c listen_addresses='*' -c unix_socket_directories=''`,
].join("\n");

/** One pod, which meets Pod Security's `restricted` and knows no API server. */
export function labDatabaseStatefulSet(args: ManagedSpire): KubernetesObject {
  const password = secretFiles("password", generatedPassword.name, directories.password, [generatedPassword.key]);
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { ...metadata, ...owned(name, { annotations: unawaited }) },
    spec: {
      replicas: 1,
      serviceName: name,
      selector: { matchLabels: selectorOf(name) },
      template: {
        metadata: { labels: labelsOf(name) },
        spec: {
          automountServiceAccountToken: false,
          priorityClassName: "system-cluster-critical",
          securityContext: { ...restrictedPod, ...user },
          containers: [
            {
              name,
              image: labDatabaseImage(args),
              imagePullPolicy: args.images.pullPolicy,
              command: ["sh", "-c", start],
              ports: [{ name: "postgres", containerPort: port, protocol: "TCP" }],
              readinessProbe: {
                exec: { command: ["pg_isready", "--host=127.0.0.1", `--port=${port}`] },
                periodSeconds: 5,
                timeoutSeconds: 3,
              },
              livenessProbe: { tcpSocket: { port }, initialDelaySeconds: 60, periodSeconds: 30, failureThreshold: 10 },
              resources: resources("50m", "128Mi", "512Mi"),
              securityContext: restricted,
              volumeMounts: [{ name: "data", mountPath: directories.volume }, ...password.volumeMounts],
            },
          ],
          volumes: [{ name: "data", persistentVolumeClaim: { claimName: name } }, ...password.volumes],
        },
      },
    },
  };
}
