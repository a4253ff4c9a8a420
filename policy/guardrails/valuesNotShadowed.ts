import type { KubernetesObject } from "../../components/kubernetes";
import { inObject, type Guardrail, type Violation } from "../guardrail";
import { listOf, recordOf } from "../values";

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
    return config.cluster.cilium?.delivery === "flux" ? shadows(release, spec) : [];
  },
};

/** The part of the values that this program owns, and what follows it in a path. */
const ours = /^(authentication|rollOutCiliumPods|operator\.rollOutPods)(\.|$)/;

function shadows(release: KubernetesObject, spec: Readonly<Record<string, unknown>>): Violation[] {
  const values = recordOf(spec["values"]);
  const inline = ["authentication", "rollOutCiliumPods"].filter((key) => values[key] !== undefined);
  const targets = listOf(spec["valuesFrom"]).map((entry) => recordOf(entry)["targetPath"]);
  return [
    ...inline.map((key) => inObject(release, `spec.values.${key}`, "wins over the ConfigMap; remove it")),
    ...targets.flatMap((path, i) =>
      typeof path === "string" && ours.test(path)
        ? [inObject(release, `spec.valuesFrom[${i}]`, `writes ${path}, over the ConfigMap; remove it`)]
        : [],
    ),
  ];
}

function isCiliumHelmRelease({ apiVersion, kind, metadata, spec }: KubernetesObject): boolean {
  const { releaseName, chart } = recordOf(spec);
  const { chart: name } = recordOf(recordOf(chart)["spec"]);
  const names: readonly unknown[] = [metadata.name, releaseName, name];
  return apiVersion.startsWith("helm.toolkit.fluxcd.io/") && kind === "HelmRelease" && names.includes("cilium");
}
