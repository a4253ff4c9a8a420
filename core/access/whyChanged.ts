import { callerName, isWorkload, kindOf, namespaceName, sortedLabels } from "../schema/intent";
import type { Intent } from "../schema/schema";
import type { CallerChange } from "./targetDifference";

type Caller = Intent["callers"][number];

/**
 * What happened to an intent that makes a difference.
 *
 * @param intent as it is on the side on which it makes it: after, where access is gained or authentication asked
 * @param other the intent of the same name on the other side
 * @returns the end of a sentence that begins with the intent
 */
export function whyOf(
  intent: Intent,
  other: Intent | undefined,
  direction: CallerChange["direction"],
  caller: Caller,
): string {
  const isNew = direction === "gained" || direction === "must authenticate";
  if (!other) return isNew ? "is new" : "is gone";
  if (other.port !== intent.port) return isNew ? `was on port ${other.port}` : `is on port ${other.port} now`;
  if (labelsOf(other) !== labelsOf(intent)) return isNew ? "was for other pods" : "is for other pods now";

  const there = new Map(other.callers.map((one) => [callerName(one), one]));
  const about = intent.callers.filter((one) => meets(one, caller));
  const named = about.map(callerName).filter((name) => !there.has(name));
  if (named.length > 0) return `${isNew ? "names" : "no longer names"} ${named.join(", ")}${isNew ? " now" : ""}`;
  if (direction === "gained") return "permits more now";
  if (direction === "lost") return "permits less now";
  const exempt = about.flatMap((one) => {
    const same = there.get(callerName(one));
    return same && isWorkload(same) && same.withoutAuthentication !== undefined ? [same] : [];
  });
  const names = exempt.map(callerName).join(", ");
  if (direction === "must authenticate") return `no longer exempts ${names}`;
  return `exempts ${names} now: ${exempt.map(({ withoutAuthentication }) => withoutAuthentication).join("; ")}`;
}

const labelsOf = ({ target }: Intent) => JSON.stringify(sortedLabels(target.selector));

/** Whether somebody may be both. */
function meets(a: Caller, b: Caller): boolean {
  if (isWorkload(a)) return isWorkload(b) && namespaceName(a) === namespaceName(b);
  if (isOutside(a)) return isOutside(b);
  return callerName(a) === callerName(b);
}

const isOutside = (caller: Caller) => kindOf(caller) === "cidr" || callerName(caller) === "world";
