import { few } from "../../../core/util/few";
import { isEmpty, promotionsOf } from "../../../core/rollout/promotions";
import type { Facts } from "../../facts/facts";
import type { Guardrail } from "../../rules/guardrail";

export const evidence: Guardrail = {
  name: "evidence",
  description:
    "A namespace goes to require only with evidence of who calls it, for the intents that it has, and reviewed.",
  severity: "mandatory",
  prevents:
    "Callers that nobody knew of: Jobs whose first packet is lost, host processes, pods without an entry, all cut off by the change and found by their users (devantler-tech/platform#2211, cilium#28824).",
  remediation:
    "Run npm run verify -- --stack STACK --namespace NAMESPACE --evidence, and commit the file that it writes.",
  blocksOff: false,
  checkStack: ({ stack, config, previous }) => {
    if (previous === "unknown" || config.mesh) return [];
    return promoted({ config, previous })
      .filter(({ namespace }) => isEmpty(config, previous, namespace) === false)
      .flatMap(({ namespace, from }) => {
        const faults = stack.evidence?.(namespace) ?? ["there is no evidence"];
        const where = `zero-trust:rollout.phases.${namespace}`;
        return faults.map((fault) => ({ where, namespace, message: `goes from ${from} to require, but ${fault}` }));
      });
  },
  undecided: ({ config, previous }) => {
    if (config.mesh)
      return promoted({ config, previous }).length > 0
        ? "who calls: npm run verify asks Cilium's Hubble, and another mesh authenticates here"
        : undefined;
    if (previous === "unknown") return "which namespaces get there: there is no deployed state to compare with";
    const unknown = promoted({ config, previous }).filter(
      ({ namespace }) => isEmpty(config, previous, namespace) === "unknown",
    );
    return unknown.length > 0 ? `whether pods run in ${few(unknown.map(({ namespace }) => namespace))}` : undefined;
  },
};

const promoted = ({ config, previous }: Pick<Facts, "config" | "previous">) =>
  previous === "unknown" ? [] : promotionsOf(config, previous.state).filter(({ to }) => to === "require");
