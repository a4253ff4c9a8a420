import { installKey, installValue, isBundled } from "../../rules/bundledSpire";
import { inValues } from "../../rules/ciliumValues";
import { inObject, type Guardrail } from "../../rules/guardrail";
import { mayBeSpire, spireConfigurationOf } from "../../rules/spireConfiguration";

export const kubeletVerified: Guardrail = {
  name: "kubelet-verified",
  description: "SPIRE's agents verify the kubelet that tells them whose process it is.",
  severity: "advisory",
  prevents:
    "Identities on a forger's word: the agent believes the kubelet about which pod a process belongs to, and without verification also whoever answers on its port (spire doc/plugin_agent_workloadattestor_k8s.md, spiffe/helm-charts-hardened#240).",
  remediation:
    "Sign the kubelets' serving certificates by the cluster's CA (serverTLSBootstrap), and set spire.skipKubeletVerification to false.",
  blocksOff: false,
  reads: (object) => object.kind === "ConfigMap" && mayBeSpire(object),
  checkObject: (object) => {
    const configuration = spireConfigurationOf(object, "agent");
    if (configuration?.plugin("WorkloadAttestor", "k8s")["skip_kubelet_verification"] !== true) return [];
    return [inObject(object, `data["${configuration.file}"] k8s.skip_kubelet_verification`, "is true; write false")];
  },
  checkStack: ({ releases }) =>
    releases
      .filter((release) => isBundled(release) && installValue(release, "agent.skipKubeletVerification") !== false)
      .map((release) => ({
        where: inValues(release, installKey("agent.skipKubeletVerification")),
        message: "is not false, and the chart's default is true; write false",
      })),
};
