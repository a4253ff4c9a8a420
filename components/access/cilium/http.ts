import type { Operation } from "../../../core/schema/schema";
import { methodsAndPaths, plainSegment, type MethodAndPath } from "../../../core/access/operations";

/** One entry of `toPorts[].rules.http`. */
export interface CiliumHttpRule {
  readonly method?: string;
  /** A regular expression that Envoy matches against the whole of `:path`, the query included. */
  readonly path?: string;
}

/**
 * Operations as Cilium's rules for HTTP, one for each method and path, each once and in one order, whatever the order of the operations.
 *
 * @throws Error where there would be no rule or one without method and path: either would admit every request. A loaded configuration has no such.
 */
export function ciliumHttpRules(operations: readonly Operation[]): CiliumHttpRule[] {
  const rules = new Map(
    operations.flatMap(methodsAndPaths).map((part) => [JSON.stringify(ruleOf(part)), ruleOf(part)]),
  );
  if (rules.size === 0 || rules.has("{}"))
    throw new Error("operations must have at least one method or path each; leave operations out to admit everything");
  return [...rules].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule);
}

function ruleOf({ method, path }: MethodAndPath): CiliumHttpRule {
  return { ...(method === undefined ? {} : { method }), ...(path === undefined ? {} : { path: pathPattern(path) }) };
}

const query = "(\\?.*)?";
// Strict, so that nothing leads elsewhere that a proxy or a server resolves, merges or decodes: "..", "//", "%2e", ";". Without groups that capture, and
// without sets that need more: Envoy takes a program of 100 instructions, and RE2 makes 90 of this with a prefix of 60 characters.
const below = `(?:/${plainSegment})`;

function pathPattern(path: NonNullable<MethodAndPath["path"]>): string {
  if ("exact" in path) return escaped(path.exact) + query;
  return (path.prefix === "/" ? `(?:/|${below}+/?)` : `${escaped(path.prefix)}${below}*/?`) + query;
}

const escaped = (path: string) => path.replace(/[^A-Za-z0-9/_~-]/g, "\\$&");
