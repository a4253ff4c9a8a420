import { expect, test } from "vitest";
import { describeObject } from "../../../core/util/kubernetes";
import { plan } from "../../../plan/plan";
import { schemaErrors } from "../../support/schema";
import { configOf } from "../../support/stacks";
import { fileOf, find, manifestOf, objectsWith } from "./planned";

const csi = ["spire.csi={}"];
const daemonSet = "DaemonSet spire/spiffe-csi-driver";

interface Container {
  name: string;
  image: string;
  args: string[];
  securityContext: object;
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean; mountPropagation?: string }[];
}
interface Pod {
  automountServiceAccountToken: boolean;
  containers: [Container, Container];
  volumes: { name: string; hostPath: { path: string; type: string } }[];
}
const specOf = (assignments = csi, name = daemonSet) => manifestOf(assignments, name)["spec"] as { template: object };
const podOf = (assignments?: string[]) => (specOf(assignments).template as { spec: Pod }).spec;
const added = (assignments: string[]) => {
  const before = objectsWith(assignments).map(({ name }) => name);
  return objectsWith([...assignments, ...csi]).filter(({ name }) => !before.includes(name));
};

test("pods are given the directory of the workload socket that the agents make, and so never the admin socket", () => {
  const { agent } = fileOf(csi, "spire-agent", "agent.conf") as {
    agent: { socket_path: string; admin_socket_path: string };
  };
  const [driver] = podOf().containers;
  const given = driver.args.find((arg) => arg.startsWith("-workload-api-socket-dir="))?.split("=")[1] ?? "";
  expect(agent.socket_path).toBe(`${given}/agent.sock`);
  expect(agent.admin_socket_path.startsWith(`${given}/`)).toBe(false);
  const mount = driver.volumeMounts.find(({ mountPath }) => mountPath === given);
  expect(mount).toMatchObject({ readOnly: true });
  expect(podOf().volumes.find(({ name }) => name === mount?.name)?.hostPath).toEqual({
    path: given,
    // Whether the agent or the driver is first on a node, it is one directory.
    type: "DirectoryOrCreate",
  });
});

test("the driver is privileged, since it mounts for its node, and nothing else of it is, or has the node's network or processes", () => {
  const [driver, registrar] = podOf().containers;
  expect([driver.name, registrar.name]).toEqual(["spiffe-csi-driver", "csi-node-driver-registrar"]);
  expect(driver.securityContext).toEqual({ privileged: true, readOnlyRootFilesystem: true });
  expect(registrar.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    readOnlyRootFilesystem: true,
  });
  const shared = [driver, registrar].flatMap(({ volumeMounts }) => volumeMounts.filter((m) => m.mountPropagation));
  expect(shared).toEqual([{ name: "pods", mountPath: "/var/lib/kubelet/pods", mountPropagation: "Bidirectional" }]);
  expect(podOf().automountServiceAccountToken).toBe(false);
  expect(JSON.stringify(specOf())).not.toMatch(/hostPID|hostNetwork|hostIPC/);
  expect(manifestOf(csi, "NetworkPolicy spire/spiffe-csi-driver")["spec"]).toEqual({
    podSelector: { matchLabels: { "app.kubernetes.io/name": "spiffe-csi-driver" } },
    policyTypes: ["Ingress", "Egress"],
  });
});

test("every object meets its schema, unknown fields forbidden", async () => {
  const objects = added([]).map(({ manifest }) => manifest);
  expect(objects).toHaveLength(4);
  expect(await schemaErrors(objects)).toEqual([]);
});

test("it runs wherever agents run, with them or in their own namespace, and no agent is restarted for it", () => {
  const { updateStrategy } = specOf() as { updateStrategy?: object };
  const agent = specOf(csi, "DaemonSet spire/spire-agent") as { updateStrategy?: object; template: { spec: object } };
  expect(podOf()).toMatchObject({ tolerations: [{ operator: "Exists" }], priorityClassName: "system-node-critical" });
  expect(agent.template.spec).toMatchObject({ tolerations: [{ operator: "Exists" }] });
  expect(updateStrategy).toEqual(agent.updateStrategy);
  expect(agent).toEqual(specOf([], "DaemonSet spire/spire-agent"));
  expect(find([...csi, "spire.agentNamespace=spire-agents"], "DaemonSet spire-agents/spiffe-csi-driver")).toBeDefined();
});

test("the kubelet finds it by the directories that the configuration names", () => {
  const directory = "/var/lib/k0s/kubelet";
  const k0s = [`spire.csi.kubeletDirectory=${directory}`];
  expect(podOf(k0s).volumes.map(({ hostPath }) => hostPath.path)).toEqual([
    "/run/spire/sockets/agent",
    `${directory}/plugins/csi.spiffe.io`,
    `${directory}/plugins_registry`,
    `${directory}/pods`,
  ]);
  const [driver, registrar] = podOf(k0s).containers;
  const socket = `${directory}/plugins/csi.spiffe.io/csi.sock`;
  expect(driver.args).toContain(`-csi-socket-path=${socket}`);
  expect(registrar.args.slice(0, 2)).toEqual([`--csi-address=${socket}`, `--kubelet-registration-path=${socket}`]);
  // The kubelet has paths in it mounted, and the two containers meet there: each is where it is on the node.
  for (const { name, mountPath } of [...driver.volumeMounts, ...registrar.volumeMounts])
    if (name !== "registration")
      expect(podOf(k0s).volumes.find((volume) => volume.name === name)?.hostPath.path).toBe(mountPath);
  expect(JSON.stringify(objectsWith(k0s))).not.toContain("/var/lib/kubelet");
});

test("Kubernetes is told of volumes that are a pod's own, and that nobody attaches or takes over", () => {
  expect(manifestOf(csi, "CSIDriver csi.spiffe.io")["spec"]).toEqual({
    attachRequired: false,
    podInfoOnMount: true,
    fsGroupPolicy: "None",
    volumeLifecycleModes: ["Ephemeral"],
  });
});

test("what it adds stays when it leaves the program, since pods that have the volume cannot end without it, and has no right in the cluster", () => {
  expect(added([]).map(({ manifest, keep }) => [describeObject(manifest), keep])).toEqual([
    ["CSIDriver csi.spiffe.io", "retained"],
    ["ServiceAccount spire/spiffe-csi-driver", "retained"],
    ["NetworkPolicy spire/spiffe-csi-driver", "retained"],
    [daemonSet, "retained"],
  ]);
});

test("authentication off is the same to it", () => {
  const objects = (auth: boolean) =>
    plan(configOf("apps", ...csi, `auth=${auth}`), { cilium: "on" })
      .components.flatMap(({ objects }) => objects)
      .filter(({ name }) => /^spire-csi/.test(name));
  expect(objects(true)).toHaveLength(4);
  expect(objects(false)).toEqual(objects(true));
});

test("its images are those that are configured, or its own", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  const images = podOf([
    ...csi,
    `spire.images.csiDriver=registry.corp/spiffe-csi-driver@${digest}`,
    "spire.images.csiRegistrar=registry.corp/registrar:v2.16.0",
  ]).containers.map(({ image }) => image);
  expect(images).toEqual([`registry.corp/spiffe-csi-driver@${digest}`, "registry.corp/registrar:v2.16.0"]);
  expect(podOf().containers.map(({ image }) => image.replace(/@.*/, ""))).toEqual([
    "ghcr.io/spiffe/spiffe-csi-driver:0.2.13",
    "registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.16.0",
  ]);
});

test.each(["bundled", "external"])("with a SPIRE that is %s it is refused, and the key is named", (install) => {
  const external = install === "external" ? ["spire.external.serverAddress=spire-server.spire.svc:8081"] : [];
  expect(() => configOf("apps", `spire.install=${install}`, ...external, ...csi)).toThrow(
    /zero-trust:spire\.csi.*it has an effect only with spire\.install managed/s,
  );
});

test("a directory that is none is refused, with one that would be", () => {
  expect(() => configOf("apps", "spire.csi.kubeletDirectory=var/lib/kubelet/")).toThrow(
    /zero-trust:spire\.csi\.kubeletDirectory.*an absolute path on the nodes.*\/var\/lib\/kubelet/s,
  );
});
