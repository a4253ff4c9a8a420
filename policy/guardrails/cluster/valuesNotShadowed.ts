import { isCiliumRelease, shadowsOf } from "../../../core/schema/helmRelease";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { inObject, type Guardrail } from "../../rules/guardrail";
import { recordOf } from "../../rules/values";

export const valuesNotShadowed: Guardrail = {
  name: "values-not-shadowed",
  description:
    "Cilium's HelmRelease takes authentication from the ConfigMap of this program, and belongs to one owner.",
  severity: "mandatory",
  prevents:
    "A flag that moves nothing: values written in a HelmRelease win over valuesFrom, an entry with a targetPath over everything (fluxcd/helm-controller docs/spec/v2/helmreleases.md), and what is patched into an object of Git's is reverted, or lives on where nobody looks (fluxcd/kustomize-controller docs/spec/v1/kustomizations.md).",
  remediation:
    "Leave authentication out of spec.values, and give spec.valuesFrom one entry: the ConfigMap cilium-zero-trust-values.",
  blocksOff: false,
  reads: isCiliumHelmRelease,
  checkObject: (release, { config }) => {
    const spec = recordOf(release["spec"]);
    const isPatch = ["chart", "chartRef", "interval"].every((key) => spec[key] === undefined);
    if (isPatch)
      return [inObject(release, "spec", "is a patch of a HelmRelease that Git owns; patch the values in Git instead")];
    if (config.cluster.cilium?.delivery !== "flux") return [];
    return shadowsOf(spec).map(({ field, message }) => inObject(release, field, message));
  },
};

function isCiliumHelmRelease(object: KubernetesObject): boolean {
  const { apiVersion, kind } = object;
  return apiVersion.startsWith("helm.toolkit.fluxcd.io/") && kind === "HelmRelease" && isCiliumRelease(object);
}
