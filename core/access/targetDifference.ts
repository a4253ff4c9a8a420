import { callerName, isWorkload } from "../schema/intent";
import type { Intent } from "../schema/schema";
import { groupBy } from "../util/groupBy";
import { callerForest, type CallerNode } from "./callerTree";
import { contains, inBoth, methodsAndPaths, operationText, type MethodAndPath } from "./operations";

/** The intents that are about the same pods and port before or after a change, and whether they ask anybody to authenticate. */
export interface Side {
  readonly intents: readonly Intent[];
  readonly asks: boolean;
}

/** What changes for a caller on the same pods and port. */
export interface CallerChange {
  readonly direction: "gained" | "lost" | "must authenticate" | "need not authenticate";
  readonly from: CallerNode["name"];
  readonly caller: CallerNode["caller"];
  /** Parts of that caller for which it does not change so. */
  readonly except: readonly string[];
  /** As operationTexts has it; undefined for everything, and empty where only connections change. */
  readonly operations: readonly string[] | undefined;
  /** Of access that is gained or lost in part, what the caller could do before or can do still: undefined for nothing, not even connect. */
  readonly beside: readonly string[] | undefined;
  /** Of access that is gained, whether the caller must authenticate for it. */
  readonly authenticated: boolean;
  /** The intents that made the difference: those that admitted, those that admit, or those that ask to authenticate. */
  readonly intents: readonly Intent[];
}

/** A caller's access on one side. */
interface Admission {
  readonly covered: readonly MethodAndPath[];
  readonly asked: boolean;
  readonly intents: readonly Intent[];
  readonly asking: readonly Intent[];
}
type Grants = ReadonlyMap<string, Admission>;

/** Who gains or loses what when the intents on the same pods and port change. The same access said in other words is no change. */
export function targetDifference(before: Side, after: Side): CallerChange[] {
  if (sameOf(before) === sameOf(after)) return [];
  const callers = [...before.intents, ...after.intents].flatMap((intent) => intent.callers);
  const distinct = [...groupBy(callers, callerName).values()].map(([first]) => first);
  const grants = { before: grantsOf(before), after: grantsOf(after) };
  return callerForest(distinct).flatMap((root) =>
    linesOf(changesBelow(root, grants.before, grants.after, undefined, undefined), new Set()),
  );
}

const sameOf = ({ intents, asks }: Side) =>
  JSON.stringify([asks, ...intents.map(({ callers, operations }) => [callers, operations])]);

function grantsOf({ intents, asks }: Side): Grants {
  const grants = new Map<string, Admission>();
  for (const intent of intents)
    for (const caller of intent.callers) {
      const asking = asks && isWorkload(caller) && caller.withoutAuthentication === undefined ? [intent] : [];
      const covered = (intent.operations ?? [{}]).flatMap(methodsAndPaths);
      const grant = { covered, asked: asking.length > 0, intents: [intent], asking };
      grants.set(callerName(caller), added(grants.get(callerName(caller)), grant) ?? grant);
    }
  return grants;
}

function added(a: Admission | undefined, b: Admission | undefined): Admission | undefined {
  if (!a || !b) return a ?? b;
  return {
    covered: [...a.covered, ...b.covered],
    asked: a.asked || b.asked,
    intents: [...a.intents, ...b.intents],
    asking: [...a.asking, ...b.asking],
  };
}

/** A caller, less its parts, with what changes for it, by what that is. */
interface Changed {
  readonly node: CallerNode;
  readonly changes: ReadonlyMap<string, Omit<CallerChange, "from" | "caller" | "except">>;
  readonly parts: readonly Changed[];
}

/** @param around what is granted to whoever the node is a part of */
function changesBelow(
  node: CallerNode,
  before: Grants,
  after: Grants,
  aroundBefore: Admission | undefined,
  aroundAfter: Admission | undefined,
): Changed {
  const was = added(aroundBefore, before.get(node.name));
  const is = added(aroundAfter, after.get(node.name));
  const changes = node.isSumOfParts ? [] : changesOf(was, is);
  return {
    node,
    changes: new Map(changes.map(({ intents: _, ...what }, i) => [JSON.stringify(what), changes[i]!])),
    parts: node.parts.map((part) => changesBelow(part, before, after, was, is)),
  };
}

function changesOf(was: Admission | undefined, is: Admission | undefined) {
  if (!was && !is) return [];
  const change = (
    direction: CallerChange["direction"],
    operations: readonly MethodAndPath[],
    beside: Admission | undefined,
    intents: readonly Intent[],
    authenticated = false,
  ) => ({
    direction,
    operations: textsOf(operations),
    beside: beside && (textsOf(beside.covered) ?? []),
    authenticated,
    intents: [...new Set(intents)],
  });
  if (!is) return was ? [change("lost", was.covered, undefined, was.intents)] : [];
  if (!was) return [change("gained", is.covered, undefined, is.intents, is.asked)];
  const lost = was.covered.filter((one) => !is.covered.some((other) => contains(other, one)));
  const gained = is.covered.filter((one) => !was.covered.some((other) => contains(other, one)));
  const kept = was.covered.flatMap((one) => is.covered.flatMap((other) => inBoth(one, other) ?? []));
  return [
    ...(lost.length > 0 ? [change("lost", lost, is, was.intents)] : []),
    ...(gained.length > 0 ? [change("gained", gained, was, is.intents, is.asked)] : []),
    ...(is.asked && !was.asked ? [change("must authenticate", kept, undefined, is.asking)] : []),
    ...(was.asked && !is.asked ? [change("need not authenticate", kept, undefined, was.asking)] : []),
  ];
}

/** Each as a text, but those that another one contains; undefined for everything. */
function textsOf(covered: readonly MethodAndPath[]): string[] | undefined {
  const wider = covered.filter((one, i) =>
    covered.every((other, k) => i === k || !contains(other, one) || (contains(one, other) && i < k)),
  );
  return wider.some((one) => operationText(one) === "") ? undefined : wider.map(operationText).sort();
}

/** One line for what changes in the same way for a caller and for parts of it. */
function linesOf({ node, changes, parts }: Changed, around: ReadonlySet<string>): CallerChange[] {
  const own = [...changes].filter(([key]) => !around.has(key));
  const known = node.isSumOfParts ? around : new Set(changes.keys());
  return [
    ...own.map(([key, change]) => {
      const { same, other } = compared(parts, key);
      const intents = [...new Set([...change.intents, ...same.flatMap(({ intents }) => intents)])];
      return { ...change, from: node.name, caller: node.caller, except: other, intents };
    }),
    ...parts.flatMap((part) => linesOf(part, known)),
  ];
}

/** Which parts change as the whole does, and which do not. */
function compared(
  parts: readonly Changed[],
  key: string,
): { same: Omit<CallerChange, "from" | "caller" | "except">[]; other: string[] } {
  const all = parts.map(({ node, changes, parts }) => {
    const change = changes.get(key);
    if (!change && !node.isSumOfParts) return { same: [], other: [node.name] };
    const below = compared(parts, key);
    return { same: [...(change ? [change] : []), ...below.same], other: below.other };
  });
  return { same: all.flatMap(({ same }) => same), other: all.flatMap(({ other }) => other) };
}
