import { inObject, type Guardrail } from "../../rules/guardrail";
import { listOf, recordOf } from "../../rules/values";

export const linkerdRoutes: Guardrail = {
  name: "linkerd-routes",
  description: "A route of Linkerd's policies says which requests it is about.",
  severity: "mandatory",
  prevents:
    "A permission for every request: a rule without matches matches everything, so who may use the route may call all there is (linkerd2 policy-controller/k8s/index, HTTPRoute).",
  remediation: "Write rules[].matches with a method and a path; for everything, the path prefix / as such.",
  blocksOff: false,
  reads: ({ apiVersion, kind }) => apiVersion.startsWith("policy.linkerd.io/") && kind === "HTTPRoute",
  checkObject: (route) => {
    const rules = listOf(recordOf(route["spec"])["rules"]);
    if (rules.length === 0) return [inObject(route, "spec.rules", "is empty, which is every request; name them")];
    return rules.flatMap((rule, i) => {
      const matches = listOf(recordOf(rule)["matches"]);
      const empty = matches.length === 0 || matches.some((match) => Object.keys(recordOf(match)).length === 0);
      return empty ? [inObject(route, `spec.rules[${i}].matches`, "is empty, which is every request; name them")] : [];
    });
  },
};
