import { callerName, isWorkload, namespaceName } from "../schema/intent";
import { rangeOf } from "../util/network";
import type { Intent } from "../schema/schema";

type Caller = Intent["callers"][number];

/** A caller with those of the others that are a part of it. */
export interface CallerNode {
  readonly name: string;
  readonly caller: Caller;
  /** The next parts, without a part of a part. No two have anything in common. */
  readonly parts: CallerNode[];
  /** Whether the parts are all of it, as the two halves of a network are. */
  isSumOfParts: boolean;
}

/**
 * Callers by what contains what: service accounts in their namespace's `*`, networks in larger ones, and these in `world`.
 *
 * @param callers each once
 * @returns those that are in no other
 */
export function callerForest(callers: readonly Caller[]): CallerNode[] {
  const nodes = callers.map((caller) => ({ name: callerName(caller), caller, parts: [], isSumOfParts: false }));
  const byName = new Map<string, CallerNode>(nodes.map((node) => [node.name, node]));
  const world = byName.get("world");
  const networks = networkForest(nodes);
  world?.parts.push(...networks);
  const others = nodes.filter((node) => {
    if ("cidr" in node.caller) return false;
    const whole = isWorkload(node.caller) ? byName.get(namespaceName(node.caller)) : undefined;
    if (whole === undefined || whole === node) return true;
    whole.parts.push(node);
    return false;
  });
  return world ? others : [...others, ...networks];
}

function networkForest(nodes: readonly CallerNode[]): CallerNode[] {
  const ranges = nodes
    .flatMap((node) => ("cidr" in node.caller ? [{ node, ...rangeOf(node.caller.cidr), inParts: 0n }] : []))
    .sort((a, b) => a.version - b.version || compare(a.first, b.first) || compare(b.last, a.last));
  const roots: CallerNode[] = [];
  // Two networks have nothing in common, or one contains the other: those around the last one are a stack.
  const around: typeof ranges = [];
  for (const range of ranges) {
    for (let top = around.at(-1); top && (top.version !== range.version || top.last < range.first); top = around.at(-1))
      around.pop();
    const outer = around.at(-1);
    if (outer) {
      outer.node.parts.push(range.node);
      outer.inParts += range.last - range.first + 1n;
      outer.node.isSumOfParts = outer.inParts === outer.last - outer.first + 1n;
    } else roots.push(range.node);
    around.push(range);
  }
  return roots;
}

const compare = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0);
