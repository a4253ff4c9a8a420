import { authenticationMode, ciliumRules, isCiliumPolicy, type CiliumRule } from "../ciliumPolicy";
import { inObject, type Guardrail } from "../guardrail";
import { listOf, recordOf } from "../values";

export const noBroadAuthRule: Guardrail = {
  name: "no-broad-auth-rule",
  description: "A rule that demands authentication names its callers.",
  severity: "mandatory",
  prevents:
    "An allow-list that grew: a rule with mode required is still an allow rule, so one that selects everybody admits every authenticated pod beside those that narrower rules name (devantler-tech/platform#2724).",
  remediation: "Name the callers by namespace and service account, as the intents of zero-trust:access do.",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkObject: (manifest) =>
    ciliumRules(manifest)
      .filter((rule) => authenticationMode(rule) === "required")
      .flatMap((rule) => {
        const why = broadness(rule);
        return why === undefined
          ? []
          : [inObject(manifest, rule.where, `demands authentication but ${why}; name its callers by labels`)];
      }),
};

const prefixes = { ingress: "from", egress: "to" } as const;

/** Why a rule selects everybody: no peer at all, an empty selector in any of its forms, or an entity that stands for everybody. */
function broadness({ direction, rule }: CiliumRule): string | undefined {
  const prefix = prefixes[direction];
  const isPeer = (key: string) => key.startsWith(prefix) && key !== `${prefix}Ports`;
  const peers = Object.entries(rule).filter(([key, value]) => isPeer(key) && listOf(value).length > 0);
  if (peers.length === 0) return `has no ${prefix}Endpoints, so it selects everybody`;

  const empty = listOf(rule[`${prefix}Endpoints`]).findIndex(isEmptySelector);
  if (empty >= 0) return `${prefix}Endpoints[${empty}] is an empty selector, so it selects everybody`;
  const entity = listOf(rule[`${prefix}Entities`]).find((e) => e === "all" || e === "cluster");
  return entity === undefined ? undefined : `${prefix}Entities has ${String(entity)}, so it selects everybody`;
}

/** `{}`, `null`, and selectors whose matchLabels and matchExpressions are absent or empty. */
function isEmptySelector(selector: unknown): boolean {
  const { matchLabels, matchExpressions } = recordOf(selector);
  return Object.keys(recordOf(matchLabels)).length === 0 && listOf(matchExpressions).length === 0;
}
