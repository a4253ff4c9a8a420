import { sortedLabels } from "../core/schema/intent";
import type { Intent } from "../core/schema/schema";
import { groupBy } from "../core/util/groupBy";
import { fingerprintOf, nameOf, verdicts, type Evidence, type Line } from "../core/rollout/evidence";
import type { State } from "./cluster";
import { judge, type Rules } from "./judge";
import { foreignPolicies } from "./policies";
import { Tally, type Seen } from "./tally";
import type { Watch } from "./watch";

/**
 * Callers with what `require` would make of them, those that would be cut off first. Callers outside the cluster become one line for each verdict, and are counted,
 * unless their addresses are wanted.
 *
 * @param before lines of an unfinished file that cannot be judged anew, since they do not tell addresses
 */
export function linesOf(
  seen: readonly Seen[],
  rules: Rules,
  { addresses, before = [] }: { addresses: boolean; before?: readonly Line[] },
): Line[] {
  const judged = seen.map((one): Line => {
    const { from, first, last, ...rest } = one;
    const known = { ...rest, ...judge(one, rules), first: iso(first), last: iso(last) };
    if (addresses || !("address" in from)) return { ...known, from };
    const { address: _, ...stranger } = from;
    return { ...known, from: stranger, addresses: 1 };
  });
  return [...groupBy([...judged, ...before], verdictKey).values()]
    .map(([first, ...others]) => others.reduce(added, first))
    .map((line) => ({ ...line, to: Object.fromEntries(sortedLabels(line.to)) }))
    .sort(inOrder);
}

/** The same for the same caller, target, port and protocol, whatever came of it. */
export const lineKey = ({ from, to, port, protocol }: Line): string =>
  JSON.stringify([nameOf(from), sortedLabels(to), port, protocol]);

const verdictKey = (line: Line) => JSON.stringify([lineKey(line), line.verdict, line.because]);

const added = (a: Line, b: Line): Line => ({
  ...a,
  flows: a.flows + b.flows,
  authenticated: a.authenticated + b.authenticated,
  open: a.open + b.open,
  job: a.job || b.job,
  ...(a.addresses === undefined ? {} : { addresses: a.addresses + (b.addresses ?? 0) }),
  first: a.first < b.first ? a.first : b.first,
  last: a.last > b.last ? a.last : b.last,
});

function inOrder(a: Line, b: Line): number {
  const rank = ({ verdict }: Line) => verdicts.length - verdicts.indexOf(verdict);
  return rank(b) === rank(a) ? (verdictKey(a) < verdictKey(b) ? -1 : 1) : rank(a) - rank(b);
}

/** A line of a file as it was seen; undefined where that is no longer known. */
export function seenOf({ from, first, last, addresses, ...line }: Line): Seen | undefined {
  if (addresses !== undefined) return undefined;
  const { to, port, protocol, flows, authenticated, job } = line;
  const caller =
    "entities" in from
      ? {
          entities: from.entities,
          ...(from.address === undefined ? {} : { address: from.address }),
          ...(from.ownNode ? { ownNode: true as const } : {}),
          ...(from.reserved === undefined ? {} : { reserved: from.reserved }),
        }
      : from;
  return {
    from: caller,
    to,
    port,
    protocol,
    flows,
    authenticated,
    open: 0,
    job,
    first: Date.parse(first),
    last: Date.parse(last),
  };
}

/** The words of who reviewed an earlier file, on the same lines of a later one. */
export function withAcknowledgements(evidence: Evidence, earlier: Evidence | undefined): Evidence {
  const words = new Map(
    (earlier?.callers ?? []).flatMap((line) =>
      line.acknowledged ? [[lineKey(line), line.acknowledged] as const] : [],
    ),
  );
  const loss = earlier?.lost.acknowledged;
  return {
    ...evidence,
    lost: loss === undefined || evidence.lost.events === 0 ? evidence.lost : { ...evidence.lost, acknowledged: loss },
    callers: evidence.callers.map((line) => {
      const acknowledged = line.verdict === "cut off" ? words.get(lineKey(line)) : undefined;
      return acknowledged === undefined ? line : { ...line, acknowledged };
    }),
  };
}

/** What was gathered, as the file has it. */
export function evidenceOf({
  stack,
  namespace,
  intents,
  window: { wanted, started, resumed },
  watch,
  state,
  earlier,
  addresses,
}: Gathered): Evidence {
  const now = watch.now();
  const lines = resumed?.callers ?? [];
  const tally = new Tally();
  for (const seen of [...watch.tally.seen, ...lines.flatMap((line) => seenOf(line) ?? [])]) tally.merge(seen);
  for (const call of state.open) tally.note(call, now, 1);
  const heard = [...new Set([...watch.heard, ...(resumed?.nodes.heard ?? [])])].sort();
  const nodes = [...new Set(state.pods.map(({ node }) => node))].sort();
  const seconds = (resumed?.window.seen ?? 0) + watch.coverage.seconds(now);
  const interruptions = watch.coverage
    .interruptions(now)
    .map(({ from, to, because }) => ({ from: iso(from), to: iso(to), because }));
  return withAcknowledgements(
    {
      version: 1,
      stack,
      namespace,
      intents: fingerprintOf(intents.filter(({ target }) => target.namespace === namespace)),
      window: {
        wanted,
        seen: Math.min(seconds, wanted),
        complete: seconds >= wanted,
        from: resumed?.window.from ?? iso(started),
        to: iso(now),
        interruptions: [
          ...(resumed?.window.interruptions ?? []),
          ...(resumed ? [{ from: resumed.window.to, to: iso(started), because: "npm run verify did not run" }] : []),
          ...interruptions,
        ],
      },
      flows: (resumed?.flows ?? 0) + watch.flows,
      lost: { events: (resumed?.lost.events ?? 0) + watch.lost },
      nodes: { heard, missing: nodes.filter((node) => !heard.includes(node)) },
      unknown: [...state.unknown],
      callers: linesOf(
        tally.seen,
        { namespace, intents, registered: state.registered },
        { addresses, before: lines.filter((line) => !seenOf(line)) },
      ),
      policies: foreignPolicies(
        state.policies,
        namespace,
        state.pods.map(({ labels }) => labels),
      ),
    },
    earlier,
  );
}

interface Gathered {
  readonly stack: string;
  readonly namespace: string;
  /** Of the whole stack. */
  readonly intents: readonly Intent[];
  readonly window: {
    /** In seconds. */
    readonly wanted: number;
    /** Milliseconds since 1970. */
    readonly started: number;
    /** The unfinished file with which this window goes on. */
    readonly resumed: Evidence | undefined;
  };
  readonly watch: Watch;
  readonly state: State;
  /** The file that was there. */
  readonly earlier: Evidence | undefined;
  /** Whether to list callers outside the cluster one by one. */
  readonly addresses: boolean;
}

/** The unfinished window that a file has, where it may go on: by the same intents, and as long. */
export const resumable = (earlier: Evidence | undefined, intents: string, wanted: number): Evidence | undefined =>
  earlier && !earlier.window.complete && earlier.intents === intents && earlier.window.wanted === wanted
    ? earlier
    : undefined;

export const iso = (milliseconds: number) => new Date(milliseconds).toISOString();
