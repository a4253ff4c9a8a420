import { type Oidc, type ManagedSpire } from "../settings";
import { owned, unawaited, type KubernetesObject } from "../../../core/util/kubernetes";
import { issuerOf, paths } from "../configuration";
import { imagesOf } from "../images";
import { configMap, podTemplate, resources, restricted, restrictedPod, selectorOf } from "../pods";
import { serviceAccount } from "../rbac";
import { spire } from "../../../core/schema/spireNames";

const name = "spire-oidc";
const ports = { https: 8443, health: 8008 } as const;
const certificate = "/run/spire/certificate";

/**
 * SPIRE's OIDC discovery provider, by the name of each object. It reads the keys from the bundle that the server publishes, and so needs neither an agent nor the server,
 * no directory of the host and no right in the cluster.
 */
export function oidcObjects(args: ManagedSpire, oidc: Oidc): Record<string, KubernetesObject> {
  const namespace = args.agentNamespace;
  const metadata = { name, namespace, ...owned(name) };
  const configuration = configMap(name, namespace, { "oidc.conf": oidcConfiguration(oidc) });
  return {
    "oidc-account": serviceAccount({ name, namespace }),
    "oidc-config": configuration,
    "oidc-network": {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata,
      // Nobody is called: who asks gets what is in the files.
      spec: {
        podSelector: { matchLabels: selectorOf(name) },
        policyTypes: ["Ingress", "Egress"],
        ingress: [{ ports: [{ port: ports.https, protocol: "TCP" }] }],
      },
    },
    "oidc-budget": {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata,
      spec: { maxUnavailable: 1, selector: { matchLabels: selectorOf(name) } },
    },
    "oidc-service": {
      apiVersion: "v1",
      kind: "Service",
      metadata: { ...metadata, ...owned(name, { annotations: unawaited }) },
      spec: {
        type: "ClusterIP",
        selector: selectorOf(name),
        ports: [{ name: "https", port: 443, targetPort: "https", protocol: "TCP" }],
      },
    },
    oidc: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { ...metadata, ...owned(name, { annotations: unawaited }) },
      spec: {
        replicas: 2,
        selector: { matchLabels: selectorOf(name) },
        template: podTemplate(name, configuration, podSpec(args, oidc)),
      },
    },
  };
}

function oidcConfiguration(oidc: Oidc): object {
  return {
    log_level: "info",
    log_format: "json",
    domains: [oidc.domain],
    jwt_issuer: issuerOf(oidc),
    set_key_use: true,
    serving_cert_file: {
      cert_file_path: `${certificate}/tls.crt`,
      key_file_path: `${certificate}/tls.key`,
      addr: `:${ports.https}`,
    },
    file: { path: `${paths.bundle}/${spire.bundle.key}` },
    health_checks: { bind_port: ports.health, live_path: "/live", ready_path: "/ready" },
  };
}

function podSpec(args: ManagedSpire, { tlsSecret }: Oidc): object {
  const probe = (path: string) => ({ httpGet: { path, port: ports.health }, periodSeconds: 10 });
  return {
    serviceAccountName: name,
    automountServiceAccountToken: false,
    securityContext: restrictedPod,
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "kubernetes.io/hostname",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: selectorOf(name) },
      },
    ],
    containers: [
      {
        name,
        image: imagesOf(args).oidcProvider,
        imagePullPolicy: args.images.pullPolicy,
        args: ["-config", `${paths.config}/oidc.conf`],
        ports: [{ name: "https", containerPort: ports.https, protocol: "TCP" }],
        readinessProbe: probe("/ready"),
        livenessProbe: probe("/live"),
        resources: resources("10m", "32Mi", "128Mi"),
        securityContext: restricted,
        volumeMounts: [
          { name: "config", mountPath: paths.config, readOnly: true },
          { name: "bundle", mountPath: paths.bundle, readOnly: true },
          { name: "certificate", mountPath: certificate, readOnly: true },
        ],
      },
    ],
    volumes: [
      { name: "config", configMap: { name } },
      { name: "bundle", configMap: { name: spire.bundle.configMap } },
      { name: "certificate", secret: { secretName: tlsSecret, defaultMode: 0o440 } },
    ],
  };
}
