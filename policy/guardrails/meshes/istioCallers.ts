import type { KubernetesObject } from "../../../core/util/kubernetes";
import { inObject, type Guardrail } from "../../rules/guardrail";
import { meshPhaseOf } from "../../rules/meshPhase";
import { listOf, recordOf } from "../../rules/values";

export const istioCallers: Guardrail = {
  name: "istio-callers",
  description: "A rule of an Istio AuthorizationPolicy that allows names its callers.",
  severity: "mandatory",
  prevents:
    "A workload that everybody may call: rules: [{}] allows everything, a rule without from any caller, and one such rule is enough, since rules add up (Istio docs, Authorization Policy; istio/istio pkg/config/validation).",
  remediation:
    "Name the callers in from: principals <trust domain>/ns/<namespace>/sa/<account>. To deny all, write spec: {}.",
  blocksOff: false,
  reads: isAllow,
  checkObject: (policy, { config }) =>
    // There everybody is meant to be admitted.
    (meshPhaseOf(config, policy.metadata.namespace) === "observe" ? [] : listOf(recordOf(policy["spec"])["rules"]))
      .map(recordOf)
      .flatMap((rule, i) => {
        if (listOf(rule["when"]).some(isAboutCaller)) return [];
        const sources = listOf(rule["from"]);
        const place = `spec.rules[${i}]`;
        if (sources.length === 0) return [inObject(policy, place, "has no from, so it allows any caller; name them")];
        const open = sources.findIndex((entry) => !names(recordOf(entry)["source"]));
        return open < 0
          ? []
          : [inObject(policy, `${place}.from[${open}]`, "names nobody, so it allows any caller; name them")];
      }),
};

function isAllow({ apiVersion, kind, metadata, spec }: KubernetesObject): boolean {
  const { action = "ALLOW" } = recordOf(spec);
  // Gateways take callers that have no identity.
  const gateway = /^istio-/.test(metadata.namespace ?? "");
  return (
    apiVersion.startsWith("security.istio.io/") && kind === "AuthorizationPolicy" && action === "ALLOW" && !gateway
  );
}

/** A condition on who calls, as `source.principal` or `request.auth.claims[group]`. */
const isAboutCaller = (condition: unknown) => {
  const { key, values } = recordOf(condition);
  return typeof key === "string" && /^(source\.|request\.auth\.)/.test(key) && listOf(values).length > 0;
};

/** Whether a source wants something that not every caller has: what only excludes, as notPrincipals, wants nothing. */
const names = (source: unknown) =>
  Object.entries(recordOf(source)).some(
    ([key, values]) => !key.startsWith("not") && listOf(values).length > 0 && !listOf(values).includes("*"),
  );
