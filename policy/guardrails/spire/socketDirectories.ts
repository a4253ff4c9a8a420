import { inValues, valueOf } from "../../rules/ciliumValues";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { mayBeSpire, spireConfigurationOf } from "../../rules/spireConfiguration";
import { directoryOf, isCsiDriver, isWithin, spireWorkloads, volumeAt, volumesOf } from "../../rules/spireWorkloads";
import { recordOf } from "../../rules/values";

export const socketDirectories: Guardrail = {
  name: "socket-directories",
  description:
    "SPIRE's admin socket is outside the workload socket's directory, both are on the nodes, and pods are given that of the workload socket alone.",
  severity: "mandatory",
  prevents:
    "Agents that do not start, or that nobody finds: SPIRE refuses an admin socket in or below the directory of the workload socket (spire cmd/spire-agent/cli/run, getAdminAddr), and Cilium mounts the directories of both from the node (cilium install/kubernetes/cilium/templates/cilium-agent/daemonset.yaml). Or pods that may ask for anybody's identity: the CSI driver gives them all that is in the directory (spiffe-csi README, How it Works).",
  remediation:
    "Write /run/spire/sockets/admin.sock and /run/spire/sockets/agent/agent.sock, and mount /run/spire/sockets by hostPath; give pods /run/spire/sockets/agent.",
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
    ...givenToPods(objects),
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

/** What a CSI driver gives pods, where it is not the directory of the agents' workload socket, or has their admin socket too. */
function givenToPods(objects: readonly KubernetesObject[]): Violation[] {
  const agents = spireWorkloads(objects, "agent").map(({ configuration: { main } }) => main);
  return objects.filter(isCsiDriver).flatMap((driver) => {
    const paths = volumesOf(driver).flatMap((volume) => textsOf(recordOf(volume["hostPath"])["path"]));
    const report = (message: string) => [inObject(driver, "volumes", message)];
    return agents.flatMap((main) => [
      ...textsOf(main["admin_socket_path"]).flatMap((admin) =>
        paths
          .filter((path) => isWithin(admin, path))
          .flatMap((path) => report(`give pods ${path}, and with it ${admin}; write the workload socket's directory`)),
      ),
      ...textsOf(main["socket_path"])
        .map(directoryOf)
        .filter((directory) => !paths.includes(directory))
        .flatMap((directory) => report(`give pods none of the agents' sockets; mount ${directory}`)),
    ]);
  });
}

const textsOf = (value: unknown) => (typeof value === "string" ? [value] : []);

function nested(admin: unknown, workload: unknown): string[] {
  if (typeof admin !== "string" || typeof workload !== "string") return [];
  const directory = directoryOf(workload);
  if (!isWithin(directoryOf(admin), directory)) return [];
  return [`is ${admin}, in or below ${directory} of the workload socket, which SPIRE refuses; move it beside or above`];
}
