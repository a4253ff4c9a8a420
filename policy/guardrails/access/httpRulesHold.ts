import { groupBy } from "../../../core/util/groupBy";
import { describeObject, type KubernetesObject } from "../../../core/util/kubernetes";
import { ciliumRules, isCiliumPolicy, type CiliumRule } from "../../rules/ciliumPolicy";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { canonical, partsOfRules, type RulePart } from "../../rules/ruleParts";
import { listOf, recordOf } from "../../rules/values";

export const httpRulesHold: Guardrail = {
  name: "http-rules-hold",
  description:
    "A rule for HTTP says what it permits, denies the rest where it is meant to, and no other rule voids it.",
  severity: "mandatory",
  prevents:
    "Every request let through, or every request refused: an empty list of HTTP rules permits all, a rule for the same caller and port without them voids them, and enableDefaultDeny false does not keep them from denying (cilium Documentation/security/policy/intro.rst and layer7.rst).",
  remediation:
    "Name methods and paths in rules.http, give one caller one rule for a port, and leave rules.http out of a policy that only observes.",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkObject: (manifest) => ciliumRules(manifest).flatMap((rule) => ownProblems(manifest, rule)),
  checkStack: ({ objects }) => {
    if (!objects.some((object) => isCiliumPolicy(object) && ciliumRules(object).some(hasHttp))) return [];
    const parts = partsOfRules(objects, () => true);
    return [...groupBy(parts, ({ key, subject }) => `${key} ${canonical(subject)}`).values()].flatMap(voided);
  },
};

function ownProblems(manifest: KubernetesObject, { where, rule, spec, direction }: CiliumRule): Violation[] {
  return listOf(rule["toPorts"]).flatMap((entry, i) => {
    const { rules } = recordOf(entry);
    if (rules === undefined) return [];
    const { http, ...others } = recordOf(rules);
    const place = `${where}.toPorts[${i}].rules`;
    const permits = Array.isArray(http) ? http.length : undefined;
    if (permits === 0 || (http === undefined && Object.keys(others).length === 0))
      return [inObject(manifest, place, "is empty, which permits every request; name methods and paths, or remove it")];
    const observes = recordOf(spec["enableDefaultDeny"])[direction] === false;
    return permits !== undefined && observes && !permitsAll(http)
      ? [inObject(manifest, place, "denies what it does not name, though enableDefaultDeny is false; remove it")]
      : [];
  });
}

/** A rule without a condition permits every request. */
const permitsAll = (http: unknown) => listOf(http).some((one) => Object.keys(recordOf(one)).length === 0);

const hasHttp = ({ rule }: CiliumRule) =>
  listOf(rule["toPorts"]).some((entry) => listOf(recordOf(recordOf(entry)["rules"])["http"]).length > 0);

function voided(parts: readonly RulePart[]): Violation[] {
  const open = parts.find(({ rule }) => !hasHttp(rule));
  const limited = parts.find(({ rule }) => hasHttp(rule));
  if (!open || !limited) return [];
  const message = `admits the same caller to the same port without rules for HTTP, which voids those of ${describeObject(limited.manifest)} ${limited.rule.where}; merge them`;
  return [inObject(open.manifest, open.rule.where, message)];
}
