import { describe, expect, test } from "vitest";
import { describeObject, type KubernetesObject } from "../../../core/util/kubernetes";
import { spireObjects } from "../../../components/spire/objects";
import type { ManagedSpire } from "../../../components/spire/settings";

const args: ManagedSpire = {
  install: "managed",
  agentNamespace: "spire",
  trustDomain: "apps.zt.internal",
  clusterName: "apps",
  version: "1.15.3",
  images: { pullPolicy: "IfNotPresent" },
  replicas: 1,
  entries: [],
  admissionPolicy: false,
  datastore: { type: "sqlite3" },
  upstreamAuthority: {},
  keyManager: {},
  workloads: [],
  skipKubeletVerification: false,
  ciliumNamespace: "kube-system",
  storage: { size: "1Gi" },
  ttl: { ca: "168h", agent: "4h", x509Svid: "4h", jwtSvid: "5m" },
};

const objectsOf = (overrides: Partial<ManagedSpire> = {}) =>
  new Map(spireObjects("spire", { ...args, ...overrides }).map(({ manifest }) => [describeObject(manifest), manifest]));
const find = (name: string, overrides?: Partial<ManagedSpire>) => objectsOf(overrides).get(name) ?? expect.fail(name);

interface Pod {
  metadata: { annotations: Record<string, string> };
  spec: {
    hostPID?: boolean;
    shareProcessNamespace?: boolean;
    tolerations?: object[];
    securityContext: Record<string, unknown>;
    containers: {
      name: string;
      image: string;
      imagePullPolicy: string;
      securityContext: object;
      resources: object;
      livenessProbe?: object;
    }[];
  };
}
const podOf = (manifest: KubernetesObject) => (manifest["spec"] as { template: Pod }).template;
const file = <T>(name: string, key: string, overrides?: Partial<ManagedSpire>) =>
  JSON.parse((find(name, overrides)["data"] as Record<string, string>)[key] ?? "") as T;

const server = file<{ server: Record<string, unknown>; plugins: Record<string, unknown> }>(
  "ConfigMap spire/spire-server",
  "server.conf",
);
const agent = file<{ agent: Record<string, unknown> }>("ConfigMap spire/spire-agent", "agent.conf").agent;
const manager = file<Record<string, unknown>>("ConfigMap spire/spire-server", "controller-manager.json");

describe("what Cilium needs of SPIRE", () => {
  test("its operator is an admin of the server, and its agent a delegate on every node", () => {
    expect(server.server["admin_ids"]).toEqual(["spiffe://apps.zt.internal/cilium-operator"]);
    expect(agent["authorized_delegates"]).toEqual(["spiffe://apps.zt.internal/cilium-agent"]);
  });

  test("three entries: a node alias, and below it Cilium's agent and operator by namespace and service account", () => {
    const alias = "spiffe://apps.zt.internal/ns/spire/sa/spire-agent";
    expect(find("ClusterStaticEntry cilium-node-alias")["spec"]).toEqual({
      spiffeID: alias,
      parentID: "spiffe://apps.zt.internal/spire/server",
      selectors: ["k8s_psat:cluster:apps", "k8s_psat:agent_ns:spire", "k8s_psat:agent_sa:spire-agent"],
    });
    expect(find("ClusterStaticEntry cilium-agent", { ciliumNamespace: "cilium" })["spec"]).toEqual({
      spiffeID: "spiffe://apps.zt.internal/cilium-agent",
      parentID: alias,
      selectors: ["k8s:ns:cilium", "k8s:sa:cilium"],
    });
    expect(find("ClusterStaticEntry cilium-operator")["spec"]).toMatchObject({
      spiffeID: "spiffe://apps.zt.internal/cilium-operator",
      parentID: alias,
    });
  });

  test("the entries that Cilium's operator registers survive: the controller-manager owns those with its prefix alone", () => {
    expect(manager).toMatchObject({ entryIDPrefix: "apps", clusterName: "apps" });
    expect(manager).not.toHaveProperty("entryIDPrefixCleanup");
  });

  test("the admin socket is not in or below the directory of the workload socket, which SPIRE refuses", () => {
    const directory = String(agent["socket_path"]).replace(/\/[^/]*$/, "");
    expect(String(agent["admin_socket_path"]).startsWith(`${directory}/`)).toBe(false);
  });

  test("an agent on every node that Cilium runs on, whatever its taints", () => {
    expect(podOf(find("DaemonSet spire/spire-agent")).spec.tolerations).toEqual([{ operator: "Exists" }]);
  });

  test("a server address with a ClusterIP, beside the headless Service that governs the StatefulSet", () => {
    expect(find("Service spire/spire-server")["spec"]).toMatchObject({ type: "ClusterIP" });
    expect(find("Service spire/spire-server-headless")["spec"]).toMatchObject({ clusterIP: "None" });
    expect(find("StatefulSet spire/spire-server")["spec"]).toMatchObject({ serviceName: "spire-server-headless" });
  });
});

describe("the agents in a namespace of their own", () => {
  const moved = { agentNamespace: "spire-agents" };
  const labels = (name: string, overrides?: Partial<ManagedSpire>) =>
    find(`Namespace ${name}`, overrides).metadata.labels?.["pod-security.kubernetes.io/enforce"];

  test("leave SPIRE's own to enforce restricted, and only theirs is privileged", () => {
    expect([labels("spire"), labels("spire", moved), labels("spire-agents", moved)]).toEqual([
      "privileged",
      "restricted",
      "privileged",
    ]);
  });

  test("are there with their account, configuration and bundle, attest from there, and the server may look at their pods there", () => {
    for (const name of ["DaemonSet", "ServiceAccount", "ConfigMap"].map((kind) => `${kind} spire-agents/spire-agent`))
      expect(find(name, moved)).toBeDefined();
    const { plugins } = file<{ plugins: object }>("ConfigMap spire/spire-server", "server.conf", moved);
    expect(JSON.stringify(plugins)).toContain('"service_account_allow_list":["spire-agents:spire-agent"]');
    expect(JSON.stringify(plugins)).toContain('"namespace":"spire-agents","configmap_name":"spire-bundle"');
    expect(find("RoleBinding spire-agents/spire-server", moved)["subjects"]).toEqual([
      { kind: "ServiceAccount", name: "spire-server", namespace: "spire" },
    ]);
    expect(find("ClusterStaticEntry cilium-node-alias", moved)["spec"]).toMatchObject({
      spiffeID: "spiffe://apps.zt.internal/ns/spire-agents/sa/spire-agent",
      selectors: ["k8s_psat:cluster:apps", "k8s_psat:agent_ns:spire-agents", "k8s_psat:agent_sa:spire-agent"],
    });
  });
});

describe("SPIRE's network", () => {
  test("lets anybody reach the server on its own port, and nothing else of it", () => {
    expect(find("NetworkPolicy spire/spire-server")["spec"]).toEqual({
      podSelector: { matchLabels: { "app.kubernetes.io/name": "spire-server" } },
      policyTypes: ["Ingress"],
      ingress: [{ ports: [{ port: 8081, protocol: "TCP" }] }],
    });
  });
});

describe("the SPIRE in Cilium's chart", () => {
  test("gets from this component its namespace alone, privileged and kept", () => {
    const objects = spireObjects("spire", { install: "bundled" });
    expect(objects.map(({ manifest, keep }) => [describeObject(manifest), keep])).toEqual([["Namespace spire", true]]);
    expect(objects[0]?.manifest.metadata.labels?.["pod-security.kubernetes.io/enforce"]).toBe("privileged");
  });
});

describe("SPIRE's rights", () => {
  const roles = [...objectsOf().values()].filter(({ kind }) => kind.endsWith("Role"));

  test("are the fewest it works with: the agent may read the kubelet's pods, and never run commands through nodes/proxy", () => {
    expect(find("ClusterRole spire-agent")["rules"]).toEqual([
      { apiGroups: [""], resources: ["nodes/pods"], verbs: ["get"] },
    ]);
  });

  test("have no wildcard, no secrets, and no verb that deletes", () => {
    const text = JSON.stringify(roles);
    expect(roles.length).toBe(3);
    expect(text).not.toMatch(/"\*"|secrets|delete|nodes\/proxy|escalate|impersonate/);
  });

  test("let agents attest with tokens of their own audience, and nobody else", () => {
    expect(JSON.stringify(server.plugins["NodeAttestor"])).toContain(
      '"service_account_allow_list":["spire:spire-agent"],"audience":["spire-server"]',
    );
  });
});

describe("SPIRE's pods", () => {
  test("of the server meet what Pod Security calls restricted", () => {
    const { spec } = podOf(find("StatefulSet spire/spire-server"));
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      fsGroup: 1000,
      seccompProfile: { type: "RuntimeDefault" },
    });
    for (const { securityContext } of spec.containers)
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        readOnlyRootFilesystem: true,
      });
    expect(JSON.stringify(spec)).not.toMatch(/hostPath|hostPID|hostNetwork/);
  });

  test("of the server see each other's processes: the server answers nobody at its socket whose process it cannot see", () => {
    expect(podOf(find("StatefulSet spire/spire-server")).spec.shareProcessNamespace).toBe(true);
  });

  test("of the agent have the host's process ids, its network and one directory, and no capability", () => {
    const { spec } = podOf(find("DaemonSet spire/spire-agent"));
    expect(spec).toMatchObject({ hostPID: true, hostNetwork: true });
    expect(JSON.stringify(spec).match(/"hostPath":\{"path":"[^"]*/g)).toEqual([
      '"hostPath":{"path":"/run/spire/sockets',
    ]);
    expect(spec.containers[0]?.securityContext).toMatchObject({ capabilities: { drop: ["ALL"] } });
  });

  test("roll when their configuration changes, and only then", () => {
    const hash = (overrides?: Partial<ManagedSpire>) =>
      podOf(find("StatefulSet spire/spire-server", overrides)).metadata.annotations["checksum/config"];
    expect(hash({ ttl: { ...args.ttl, x509Svid: "1h" } })).not.toBe(hash());
    expect(hash({ storage: { size: "2Gi" } })).toBe(hash());
  });

  test("use the images that are configured, or SPIRE's own at the version that is, and pull as configured", () => {
    const mirror = { server: "registry.corp/spire-server:1.14.1", pullPolicy: "Always" } as const;
    const containers = ["StatefulSet spire/spire-server", "DaemonSet spire/spire-agent"]
      .flatMap((name) => podOf(find(name, { version: "1.14.1", images: mirror })).spec.containers)
      .map(({ name, image, imagePullPolicy }) => ({ name, image: image.split("@")[0], imagePullPolicy }));
    expect(containers).toEqual([
      { name: "spire-server", image: "registry.corp/spire-server:1.14.1", imagePullPolicy: "Always" },
      {
        name: "spire-controller-manager",
        image: "ghcr.io/spiffe/spire-controller-manager:0.7.0",
        imagePullPolicy: "Always",
      },
      { name: "spire-agent", image: "ghcr.io/spiffe/spire-agent:1.14.1", imagePullPolicy: "Always" },
    ]);
  });

  test("say what they need, and are watched", () => {
    for (const name of ["StatefulSet spire/spire-server", "DaemonSet spire/spire-agent"])
      for (const { resources, livenessProbe } of podOf(find(name)).spec.containers) {
        expect(resources).toHaveProperty("requests");
        expect(livenessProbe).toBeDefined();
      }
  });

  test("verify the kubelet unless the configuration says otherwise", () => {
    const skipped = file<object>("ConfigMap spire/spire-agent", "agent.conf", { skipKubeletVerification: true });
    expect(JSON.stringify(skipped)).toContain('"skip_kubelet_verification":true');
    expect(JSON.stringify(find("ConfigMap spire/spire-agent"))).toContain('skip_kubelet_verification\\": false');
  });
});
