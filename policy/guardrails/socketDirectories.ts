import { inValues, valueOf } from "../ciliumValues";
import type { KubernetesObject } from "../../components/kubernetes";
import { inObject, type Guardrail } from "../guardrail";
import { mayBeSpire, spireConfigurationOf } from "../spireConfiguration";
import { directoryOf, isWithin, spireWorkloads, volumeAt } from "../spireWorkloads";

export const socketDirectories: Guardrail = {
  name: "socket-directories",
  description: "SPIRE's admin socket is outside the workload socket's directory, and both are on the nodes.",
  severity: "mandatory",
  prevents:
    "Agents that do not start, or that nobody finds: SPIRE refuses an admin socket in or below the directory of the workload socket (spire cmd/spire-agent/cli/run, getAdminAddr), and Cilium mounts the directories of both from the node (cilium install/kubernetes/cilium/templates/cilium-agent/daemonset.yaml).",
  remediation:
    "Write /run/spire/sockets/admin.sock and /run/spire/sockets/agent/agent.sock, and mount /run/spire/sockets by hostPath.",
  blocksOff: false,
  reads: (object) => ["ConfigMap", "DaemonSet"].includes(object.kind) && mayBeSpire(object),
  checkStack: ({ objects, releases }) => [
    ...objects.flatMap(configured),
    ...spireWorkloads(objects, "agent").flatMap(({ workload, configuration: { main } }) =>
      [main["socket_path"], main["admin_socket_path"]]
        .filter((path) => typeof path === "string")
        .filter((path) => volumeAt(workload, directoryOf(path))?.["hostPath"] === undefined)
        .map((path) =>
          inObject(workload, "volumes", `keep ${path} in the pod, where Cilium finds none; mount it by hostPath`),
        ),
    ),
    ...releases.flatMap((release) => {
      const at = (key: string) => valueOf(release, `authentication.mutual.spire.${key}`);
      const where = inValues(release, "authentication.mutual.spire.adminSocketPath");
      return nested(at("adminSocketPath"), at("agentSocketPath")).map((message) => ({ where, message }));
    }),
  ],
};

function configured(object: KubernetesObject) {
  const { file, main } = spireConfigurationOf(object, "agent") ?? {};
  return nested(main?.["admin_socket_path"], main?.["socket_path"]).map((message) =>
    inObject(object, `data["${file}"] agent.admin_socket_path`, message),
  );
}

function nested(admin: unknown, workload: unknown): string[] {
  if (typeof admin !== "string" || typeof workload !== "string") return [];
  const directory = directoryOf(workload);
  if (!isWithin(directoryOf(admin), directory)) return [];
  return [`is ${admin}, in or below ${directory} of the workload socket, which SPIRE refuses; move it beside or above`];
}
