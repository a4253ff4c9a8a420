import { inObject, type Guardrail } from "../../rules/guardrail";
import { attestsOnce, mayBeSpire, spireConfigurationOf } from "../../rules/spireConfiguration";
import { textOf } from "../../rules/values";

export const agentsRecover: Guardrail = {
  name: "agents-recover",
  description: "SPIRE's agents start again from the published bundle when they no longer know the server.",
  severity: "advisory",
  prevents:
    "Agents that stay out after the server lost its CA or was away for longer than it lives: by default they never take a new bundle by themselves (spire doc/spire_agent.md, spire#5796, spire#4624).",
  remediation: "Write rebootstrap_mode always in the agents' configuration.",
  blocksOff: false,
  reads: (object) => object.kind === "ConfigMap" && mayBeSpire(object),
  checkObject: (object) => {
    const configuration = spireConfigurationOf(object, "agent");
    // Who attests only once cannot start again: the guardrail agents-attest-once.
    if (!configuration || attestsOnce(configuration)) return [];
    const { rebootstrap_mode: mode = "never" } = configuration.main;
    const where = `data["${configuration.file}"] agent.rebootstrap_mode`;
    return mode === "always" ? [] : [inObject(object, where, `is ${textOf(mode)}; write always`)];
  },
};
