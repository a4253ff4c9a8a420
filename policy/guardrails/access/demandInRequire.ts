import type { StackConfig } from "../../../core/schema/schema";
import { authenticationMode, ciliumRules, isCiliumPolicy, namespaceOf } from "../../rules/ciliumPolicy";
import { inObject, type Guardrail } from "../../rules/guardrail";

export const demandInRequire: Guardrail = {
  name: "demand-in-require",
  description:
    "Policies demand authentication where the namespace is in require, and nowhere else; there none waives it.",
  severity: "mandatory",
  prevents:
    "A demand that skips the phases: in a namespace that is not in require nobody waits for Cilium to authenticate on every node before new connections are dropped, and one merge has closed a whole cluster (devantler-tech/platform#1781).",
  remediation:
    "Write the callers as intents of zero-trust:access and take the namespace to require: pulumi config set --path 'rollout.phases.<namespace>' require",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkObject: (manifest, { config }) =>
    ciliumRules(manifest).flatMap((rule) => {
      const namespace = namespaceOf(manifest, rule.spec);
      // What is demanded in every namespace, protected-namespaces refuses.
      if (namespace === undefined) return [];
      const phase = phaseOf(config, namespace);
      const mode = authenticationMode(rule);
      const place = `${rule.where}.authentication`;
      if (mode === "required" && phase !== "require") {
        const state = phase === undefined ? "has no phase" : `is in ${phase}`;
        return [inObject(manifest, place, `is required, but ${namespace} ${state}; remove the block`)];
      }
      if (mode !== "disabled" || phase !== "require") return [];
      const advice = "remove the rule, and give the caller's intent withoutAuthentication and a reason";
      return [inObject(manifest, place, `is disabled, but ${namespace} is in require; ${advice}`)];
    }),
};

const phaseOf = ({ rollout: { phases } }: StackConfig, namespace: string) =>
  Object.hasOwn(phases, namespace) ? phases[namespace] : undefined;
