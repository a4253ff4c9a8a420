import { describeObject, type KubernetesObject } from "../../../core/util/kubernetes";
import type { Facts } from "../../facts/facts";
import { inObject, mismatch, type Guardrail, type Violation } from "../../rules/guardrail";
import { mayBeSpire } from "../../rules/spireConfiguration";
import { csiDriverContainer, isCsiDriver } from "../../rules/spireWorkloads";
import { listOf, podOf, recordOf, textOf } from "../../rules/values";

export const podSecurity: Guardrail = {
  name: "pod-security",
  description:
    "SPIRE's server meets Pod Security's restricted, and its agents and CSI driver depart from it only where they must.",
  severity: "mandatory",
  prevents:
    "A server that does not start, or a CA that can be taken: SPIRE's image is not root and needs its group on the volume, containers of different users cannot see each other's processes (cilium#45045, spiffe/helm-charts-hardened#420), and everything beyond restricted is a way out of the pod (Kubernetes Pod Security Standards).",
  remediation:
    "Write runAsNonRoot, seccompProfile RuntimeDefault, allowPrivilegeEscalation false and capabilities drop ALL; only the agents may have hostPID, hostNetwork, root, the sockets' directory and what their attestor needs of the node, and only the CSI driver may be privileged, as root, with the kubelet's directories and that of the workload socket, and agents that open a TPM.",
  blocksOff: false,
  reads: (object) =>
    ["StatefulSet", "Deployment", "DaemonSet", "Namespace"].includes(object.kind) && mayBeSpire(object),
  checkObject: (object, facts) =>
    object.kind === "Namespace" ? [] : [...restricted(object, facts), ...hostAccess(object, facts)],
  checkStack: (facts) => facts.objects.filter(isSpireNamespace).flatMap((namespace) => level(namespace, facts)),
};

/**
 * What a DaemonSet of agents has beyond restricted: the host's processes, to find the pod of a caller; its network, so that identities do not depend on
 * the network that depends on them. It also runs as root and mounts one directory, for the sockets, which the host's root owns.
 */
const agentsMay: readonly string[] = ["hostPID", "hostNetwork"];
const isAgent = (workload: KubernetesObject) => workload.kind === "DaemonSet" && !isCsiDriver(workload);
/**
 * What the CSI driver has beyond restricted: a privileged container as root, for Kubernetes lets no other mount for the node (mountPropagation Bidirectional), and the
 * directories of the kubelet by which the two find each other, and in which pods' volumes are.
 */
const driversOf = (kubelet = "/var/lib/kubelet"): string[] =>
  ["pods", "plugins/csi.spiffe.io", "plugins_registry"].map((directory) => `${kubelet}/${directory}`);
/**
 * What an attestor adds: the directory with a node's certificate, or that in which an agent that attests only once keeps what it is. A TPM is a device, and Kubernetes
 * lets no other open one than a privileged container.
 */
const agentsMount = ({ x509pop, awsIid, gcpIit }: NonNullable<Facts["config"]["spire"]["nodeAttestor"]> = {}) => [
  ...(x509pop ? [x509pop.directory] : []),
  ...(awsIid || gcpIit ? ["/var/lib/spire/agent"] : []),
];
const isSpireNamespace = (object: KubernetesObject) => object.kind === "Namespace" && mayBeSpire(object);

function restricted(workload: KubernetesObject, { config }: Facts): Violation[] {
  const pod = podOf(workload);
  const all = recordOf(pod["securityContext"]);
  const containers = ["initContainers", "containers"].flatMap((list) => listOf(pod[list]).map(recordOf));
  const users = new Set<unknown>();
  const found = containers.flatMap(({ name, securityContext }) => {
    const own = recordOf(securityContext);
    users.add(own["runAsUser"] ?? all["runAsUser"]);
    // Privileged is all that there is to have.
    if (name === csiDriverContainer && isCsiDriver(workload)) return [];
    if (name === "spire-agent" && isAgent(workload) && config.spire.nodeAttestor?.tpm) return [];
    const expect = (key: string, value: unknown, wanted: unknown) =>
      mismatch(`${describeObject(workload)} containers[${textOf(name)}].${key}`, value, wanted);
    return [
      ...expect("allowPrivilegeEscalation", own["allowPrivilegeEscalation"], false),
      ...expect("privileged", own["privileged"] ?? false, false),
      ...expect("capabilities", recordOf(own["capabilities"]), { drop: ["ALL"] }),
      ...expect(
        "seccompProfile.type",
        recordOf(own["seccompProfile"] ?? all["seccompProfile"])["type"],
        "RuntimeDefault",
      ),
      ...(workload.kind === "DaemonSet"
        ? []
        : expect("runAsNonRoot", own["runAsNonRoot"] ?? all["runAsNonRoot"], true)),
    ];
  });
  if (users.size > 1)
    found.push(
      inObject(workload, "runAsUser", `is ${[...users].map(textOf).join(" and ")}; run all containers as one user`),
    );
  return found;
}

function hostAccess(workload: KubernetesObject, { config }: Facts): Violation[] {
  const pod = podOf(workload);
  const flags = ["hostPID", "hostNetwork", "hostIPC"].filter((key) => pod[key] === true);
  const paths = listOf(pod["volumes"]).flatMap((volume) => {
    const { path } = recordOf(recordOf(volume)["hostPath"]);
    return typeof path === "string" ? [path] : [];
  });
  const ofKubelet = isCsiDriver(workload) ? driversOf(config.spire.csi?.kubeletDirectory) : [];
  const ofAgents = isAgent(workload) ? agentsMount(config.spire.nodeAttestor) : [];
  const may = (path: string) =>
    [...ofKubelet, ...ofAgents].includes(path) || (workload.kind === "DaemonSet" && /^\/run\/spire\//.test(path));
  const only = isCsiDriver(workload)
    ? `the CSI driver may mount ${ofKubelet.join(", ")} and what is below /run/spire`
    : ["only agents may, below /run/spire", ...ofAgents].join(", or ");
  return [
    ...flags
      .filter((key) => !isAgent(workload) || !agentsMay.includes(key))
      .map((key) => inObject(workload, key, "is true; remove it")),
    ...paths
      .filter((path) => !may(path))
      .map((path) => inObject(workload, "volumes", `mount ${path} of the host; ${only}`)),
  ];
}

/** A namespace without agents enforces restricted; where there are agents, anything but privileged refuses them. */
function level(namespace: KubernetesObject, { objects, config }: Facts): Violation[] {
  const agents = objects.some((o) => o.kind === "DaemonSet" && o.metadata.namespace === namespace.metadata.name);
  const label = "pod-security.kubernetes.io/enforce";
  const value = recordOf(namespace.metadata.labels)[label];
  const where = `${describeObject(namespace)} metadata.labels["${label}"]`;
  if (agents || config.spire.install === "bundled") return mismatch(where, value ?? "privileged", "privileged");
  return mismatch(where, value, "restricted");
}
