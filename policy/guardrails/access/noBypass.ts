import { broadness } from "../../rules/ciliumPeers";
import {
  authenticationMode,
  ciliumRules,
  isCiliumPolicy,
  isOurs,
  namespaceOf,
  portsOf,
} from "../../rules/ciliumPolicy";
import { inObject, type Guardrail } from "../../rules/guardrail";
import { numberOf } from "../../rules/values";

export const noBypass: Guardrail = {
  name: "no-bypass",
  description: "No policy beside the intents lets everybody into a namespace in require.",
  severity: "mandatory",
  prevents:
    "A demand for authentication that nobody meets: rules add up, so one that admits everybody without asking for it lets in whoever a narrower rule would have asked (cilium pkg/policy/rule.go, devantler-tech/platform#2724).",
  remediation: "Name the callers of the rule, or write them as an intent of zero-trust:access.",
  blocksOff: false,
  reads: (object) => isCiliumPolicy(object) && !isOurs(object),
  checkObject: (manifest, { config: { rollout, access } }) =>
    ciliumRules(manifest).flatMap((rule) => {
      const namespace = namespaceOf(manifest, rule.spec);
      const isEmpty = Object.keys(rule.rule).length === 0;
      if (rule.direction === "egress" || isEmpty || authenticationMode(rule) === "required") return [];
      if (namespace === undefined || rollout.phases[namespace] !== "require") return [];
      const why = broadness(rule);
      if (why === undefined) return [];
      const ports = portsOf(rule.rule);
      const asked = access.some(
        ({ target, port }) => target.namespace === namespace && (ports.length === 0 || ports.some(reaches(port))),
      );
      const message = `admits callers to ${namespace} without authentication and ${why}; name its callers`;
      return [inObject(manifest, rule.where, message, asked ? undefined : "advisory")];
    }),
};

const reaches =
  (wanted: number) =>
  ({ port, endPort = port }: Readonly<Record<string, unknown>>): boolean =>
    numberOf(port) <= wanted && wanted <= numberOf(endPort);
