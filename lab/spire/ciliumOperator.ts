import { buildTool } from "../../tools/go";
import { freePorts } from "../ports";
import { until } from "../until";
import type { Agent, LabNode } from "./node";
import { startProcess, tail, type Process } from "./process";

/**
 * Cilium's real operator, as a pod of its service account on a node, with the socket of the agent there. It registers every CiliumIdentity with the node's SPIRE.
 *
 * @param pod its name, and that of its log
 */
export async function startCiliumOperator(node: LabNode, agent: Agent, pod = "cilium-operator"): Promise<Process> {
  const { spire } = node;
  const { container } = node.runPod("kube-system", pod, "cilium-operator");
  const [api = 0, metrics = 0] = await freePorts(2);
  const flags = [
    `--k8s-kubeconfig-path=${spire.cluster.kubeconfig}`,
    "--identity-allocation-mode=crd",
    "--ipam=kubernetes",
    "--enable-ipv4=true",
    "--enable-ipv6=false",
    `--operator-api-serve-addr=127.0.0.1:${api}`,
    `--operator-prometheus-serve-addr=127.0.0.1:${metrics}`,
    "--unmanaged-pod-watcher-interval=0",
    "--mesh-auth-enabled=true",
    "--mesh-auth-mutual-enabled=true",
    `--mesh-auth-spire-server-address=127.0.0.1:${spire.places.ports.server}`,
    `--mesh-auth-spiffe-trust-domain=${spire.trustDomain}`,
    `--mesh-auth-spire-agent-socket=${agent.places.workloadSocket}`,
  ];
  const operator = await startProcess(pod, container.within([buildTool("cilium-operator"), ...flags]), {
    directory: spire.directory,
    env: { K8S_NODE_NAME: "node1", POD_NAMESPACE: "kube-system" },
  });
  const detail = () => tail(operator);
  const list = ["get", "crds", "--output=name"];
  await until("Cilium's CRDs are there", () => spire.cluster.kubectl(list).includes(crd), { detail });
  spire.cluster.kubectl(["wait", "--for=condition=Established", `crd/${crd}`]);
  return operator;
}

const crd = "ciliumidentities.cilium.io";

/** An identity as Cilium's agents make them. */
export const ciliumIdentity = (name: string) => ({
  apiVersion: "cilium.io/v2",
  kind: "CiliumIdentity",
  metadata: { name },
  "security-labels": { "k8s:io.kubernetes.pod.namespace": "orders", "k8s:app": name },
});
