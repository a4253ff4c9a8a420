import type { CiliumRule } from "./ciliumPolicy";
import { listOf, recordOf, textOf } from "./values";

const prefixes = { ingress: "from", egress: "to" } as const;

/** The fields of a rule that say who the peers are, `fromEndpoints` to `toGroups`, as far as the rule has them. */
export function peerFields({ direction, rule }: CiliumRule): [field: string, peers: readonly unknown[]][] {
  const prefix = prefixes[direction];
  return Object.entries(rule)
    .filter(([key]) => key.startsWith(prefix) && key !== `${prefix}Ports`)
    .map(([key, value]) => [key, listOf(value)]);
}

/** Why a rule selects everybody: no peer at all, a selector without a label that is wanted, or an entity that stands for everybody. */
export function broadness(rule: CiliumRule): string | undefined {
  const prefix = prefixes[rule.direction];
  if (!peerFields(rule).some(([, peers]) => peers.length > 0))
    return `has no ${prefix}Endpoints, so it selects everybody`;

  const selectors = listOf(rule.rule[`${prefix}Endpoints`]);
  const empty = selectors.findIndex(isEmpty);
  if (empty >= 0) return `${prefix}Endpoints[${empty}] is an empty selector, so it selects everybody`;
  const open = selectors.findIndex((selector) => !names(selector));
  if (open >= 0) return `${prefix}Endpoints[${open}] names no value of a label, so it selects nearly everybody`;
  const entity = listOf(rule.rule[`${prefix}Entities`]).find((e) => e === "all" || e === "cluster");
  return entity === undefined ? undefined : `${prefix}Entities has ${textOf(entity)}, so it selects everybody`;
}

/** `{}`, `null`, and selectors whose matchLabels and matchExpressions are absent or empty. */
function isEmpty(selector: unknown): boolean {
  const { matchLabels, matchExpressions } = recordOf(selector);
  return Object.keys(recordOf(matchLabels)).length === 0 && listOf(matchExpressions).length === 0;
}

/** Whether a selector wants a value: Exists, NotIn and DoesNotExist want none. */
function names(selector: unknown): boolean {
  const { matchLabels, matchExpressions } = recordOf(selector);
  return (
    Object.keys(recordOf(matchLabels)).length > 0 ||
    listOf(matchExpressions).some((expression) => recordOf(expression)["operator"] === "In")
  );
}
