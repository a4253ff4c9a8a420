import { inObject, type Guardrail } from "../../rules/guardrail";
import { recordOf } from "../../rules/values";

export const oneOwner: Guardrail = {
  name: "one-owner",
  description: "Every object of the stack has one owner: this stack.",
  severity: "mandatory",
  prevents:
    "An object that two tools write in turn: Flux and Argo CD put back every field that Git has, at every interval, and Helm deletes with its release what carries its annotation, in the middle of an incident too (fluxcd/kustomize-controller docs/spec/v1/kustomizations.md, Argo CD docs/user-guide/resource_tracking.md).",
  remediation: "Remove the object from the stack, or its marks and the object from the other tool.",
  blocksOff: false,
  checkStack: ({ objects }) =>
    objects.flatMap((object) =>
      marks.flatMap(([field, key, tool]) =>
        recordOf(object.metadata[field])[key] === undefined
          ? []
          : [
              inObject(
                object,
                `metadata.${field}["${key}"]`,
                `says that ${tool} owns it; remove the object from this stack, or from there`,
              ),
            ],
      ),
    ),
};

/** By which other tools know what is theirs. What Pulumi renders from a chart has none of these. */
const marks: readonly (readonly [field: "labels" | "annotations", key: string, tool: string])[] = [
  ["labels", "kustomize.toolkit.fluxcd.io/name", "Flux"],
  ["labels", "helm.toolkit.fluxcd.io/name", "Flux"],
  ["labels", "argocd.argoproj.io/instance", "Argo CD"],
  ["annotations", "argocd.argoproj.io/tracking-id", "Argo CD"],
  ["annotations", "meta.helm.sh/release-name", "Helm"],
];
