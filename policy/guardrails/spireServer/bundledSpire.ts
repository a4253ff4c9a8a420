import { installKey, installValue, isBundled } from "../../rules/bundledSpire";
import { inValues } from "../../rules/ciliumValues";
import { minorNumberOf } from "../../../core/schema/versions";
import type { Release } from "../../facts/facts";
import type { Guardrail, Violation } from "../../rules/guardrail";
import { listOf, recordOf, textOf } from "../../rules/values";

export const bundledSpire: Guardrail = {
  name: "bundled-spire",
  description: "The SPIRE in Cilium's chart starts, keeps its state, and runs on every node.",
  severity: "mandatory",
  prevents:
    "A SPIRE that issues nothing: SPIRE 1.10 and later is no root and cannot open its volume without a group (cilium#40533), with another user in one container the entries are never made (cilium#45045), without storage each restart makes a new CA, and its agents stay away from tainted nodes (cilium#27228).",
  remediation:
    "Write server.podSecurityContext { runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 }, dataStorage.enabled true and agent.tolerations [{ operator: Exists }].",
  blocksOff: false,
  checkStack: ({ config, releases }) => {
    const { cilium } = config.cluster;
    const minor = cilium ? minorNumberOf(cilium.version) : 0;
    return releases
      .filter(isBundled)
      .flatMap((release) => [
        ...users(release, minor),
        ...(installValue(release, "server.dataStorage.enabled") === false
          ? [problem(release, "server.dataStorage.enabled", "is false, so each restart makes a new CA; write true")]
          : []),
        ...(listOf(installValue(release, "agent.tolerations")).some(toleratesAll)
          ? []
          : [
              problem(
                release,
                "agent.tolerations",
                "leave out nodes that Cilium runs on; write [{ operator: Exists }]",
              ),
            ]),
      ]);
  },
};

/** Who the server's containers run as. Cilium 1.20 brings a SPIRE that is no root, 1.19 one that is (values.yaml). */
function users(release: Release, minor: number): Violation[] {
  const pod = recordOf(installValue(release, "server.podSecurityContext"));
  const own = recordOf(installValue(release, "server.securityContext"))["runAsUser"];
  const key = "server.podSecurityContext";
  const found: Violation[] = [];
  if (own !== undefined && own !== pod["runAsUser"])
    found.push(
      problem(
        release,
        "server.securityContext.runAsUser",
        `is ${textOf(own)}, for one container alone; set it in ${key}`,
      ),
    );
  if (minor >= 20 && pod["runAsUser"] === undefined)
    found.push(problem(release, `${key}.runAsUser`, "is missing, so the server cannot make its socket; write 1000"));
  if (pod["runAsUser"] !== undefined && pod["runAsUser"] !== 0 && pod["fsGroup"] === undefined)
    found.push(problem(release, `${key}.fsGroup`, "is missing, so the server cannot open its volume; write 1000"));
  return found;
}

const problem = (release: Release, key: string, message: string): Violation => ({
  where: inValues(release, installKey(key)),
  message,
});

const toleratesAll = (toleration: unknown) => {
  const { operator, key, effect } = recordOf(toleration);
  return operator === "Exists" && key === undefined && effect === undefined;
};
