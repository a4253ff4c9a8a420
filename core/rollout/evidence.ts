import { createHash } from "node:crypto";
import * as z from "zod";
import { entities, isWorkload } from "../schema/intent";
import type { DeepReadonly, Intent } from "../schema/schema";

/** What the phase `require` makes of a caller. */
export const verdicts = ["authenticated", "without authentication", "cut off"] as const;
export type Verdict = (typeof verdicts)[number];

const count = z.int().min(0);
const moment = z.iso.datetime();
const sentence = z.string().trim().min(10);

/** A caller, as intents write it. */
const caller = z.union([
  z.strictObject({ namespace: z.string(), serviceAccount: z.string() }),
  z.strictObject({
    /** All that the caller is; nothing for an identity that no intent can name. */
    entities: z.array(z.enum(entities)),
    /** With `--addresses` alone. */
    address: z.string().optional(),
    ownNode: z.literal(true).optional(),
    reserved: z.string().optional(),
  }),
]);

const line = z.strictObject({
  from: caller,
  /** The labels of the pods that it called. */
  to: z.record(z.string(), z.string()),
  /** 0 where the protocol has none. */
  port: z.int().min(0).max(65535),
  protocol: z.enum(["TCP", "UDP", "SCTP", "ICMP", "other"]),
  verdict: z.enum(verdicts),
  because: z.array(z.string()),
  /** Why a caller may be cut off, written by who reviews the file. */
  acknowledged: sentence.optional(),
  flows: count,
  /** Flows for which Cilium had asked SPIRE. */
  authenticated: count,
  /** Connections that were open in the end. */
  open: count,
  job: z.boolean(),
  /** Of what is outside the cluster, and is not listed one by one: how many addresses, at least. */
  addresses: count.optional(),
  first: moment,
  last: moment,
});

/** The file `rollout/<stack>/<namespace>.yaml`, which `npm run verify` writes and somebody reviews. */
export const evidenceSchema = z.strictObject({
  version: z.literal(1),
  stack: z.string(),
  namespace: z.string(),
  /** `fingerprintOf` the intents by which the callers were judged. */
  intents: z.string().regex(/^[0-9a-f]{16}$/),
  window: z.strictObject({
    /** Seconds that were asked for, and those in which every server and node could be heard. */
    wanted: count,
    seen: count,
    complete: z.boolean(),
    from: moment,
    to: moment,
    interruptions: z.array(z.strictObject({ from: moment, to: moment, because: z.string() })),
  }),
  flows: count,
  /** Events that Hubble has lost, about whatever pods. */
  lost: z.strictObject({ events: count, acknowledged: sentence.optional() }),
  /** Nodes that were heard, and those that were not although pods of the namespace run there. */
  nodes: z.strictObject({ heard: z.array(z.string()), missing: z.array(z.string()) }),
  /** What nobody could say. */
  unknown: z.array(z.string()),
  callers: z.array(line),
  /** Policies of others that select pods of the namespace: they may admit or deny more than the intents say. */
  policies: z.array(z.string()),
});

export type Evidence = DeepReadonly<z.output<typeof evidenceSchema>>;
export type Line = Evidence["callers"][number];

/**
 * A hash of what a namespace's intents mean: of all that they say but their order, their names and the reasons that they give.
 *
 * @param intents of one namespace
 * @returns 16 hexadecimal digits
 */
export function fingerprintOf(intents: readonly Intent[]): string {
  const meanings = intents.map(({ name: _, callers, ...meaning }) => ({
    // Hashes of earlier versions have the key where an intent has none.
    operations: undefined,
    ...meaning,
    callers: callers.map((caller) => {
      if (isWorkload(caller)) {
        const { withoutAuthentication, ...who } = caller;
        return { ...who, asked: withoutAuthentication === undefined };
      }
      const { reason: _, ...who } = caller;
      return who;
    }),
  }));
  return createHash("sha256").update(canonical(meanings)).digest("hex").slice(0, 16);
}

/** JSON that is the same whatever the order of keys and of lists: every list of an intent is a set. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${[...new Set(value.map(canonical))].sort().join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`;
}

/**
 * What keeps a namespace's evidence from being enough for `require`.
 *
 * @param evidence undefined where there is no file
 * @param expected.intents of the namespace, or of the whole stack
 * @returns a sentence for each fault: what it is, and what to do
 */
export function evidenceFaults(
  evidence: Evidence | undefined,
  expected: {
    readonly stack: string;
    readonly namespace: string;
    readonly intents: readonly Intent[];
    readonly now: Date;
    readonly maxAgeHours: number;
    /** In seconds. */
    readonly leastWindow: number;
  },
): string[] {
  const { stack, namespace, now, maxAgeHours, leastWindow } = expected;
  const command = `npm run verify -- --stack ${stack} --namespace ${namespace} --evidence`;
  if (!evidence) return [`there is no evidence for ${namespace}; ${command} writes it`];
  if (evidence.namespace !== namespace || evidence.stack !== stack)
    return [
      `the evidence is for ${evidence.namespace} of ${evidence.stack}, and not for ${namespace} of ${stack}; ${command} writes it`,
    ];
  const { window, lost, nodes, unknown, callers } = evidence;
  const faults: string[] = [];
  const anew = (fault: string, what = "gathers it anew") => faults.push(`${fault}; ${command} ${what}`);

  const intents = expected.intents.filter(({ target }) => target.namespace === namespace);
  if (fingerprintOf(intents) !== evidence.intents)
    anew(`the intents of ${namespace} are no longer those by which the callers were judged`);
  if (!window.complete) anew(`its window has not ended: ${hours(window.seen)} of ${hours(window.wanted)}`, "goes on");
  else if (window.seen < window.wanted)
    anew(`its window is shorter than promised: ${hours(window.seen)} of ${hours(window.wanted)}`);
  if (window.wanted < leastWindow)
    anew(
      `its window is ${hours(window.wanted)}, and ${hours(leastWindow)} is the least`,
      `--window ${leastWindow}s gathers it`,
    );
  const age = (now.getTime() - Date.parse(window.to)) / 3_600_000;
  if (age > maxAgeHours) anew(`it is ${Math.floor(age)} hours old, where ${maxAgeHours} are allowed`);
  if (age < -1) anew(`it ends at ${window.to}, which is in the future`);
  if (lost.events > 0 && lost.acknowledged === undefined)
    faults.push(
      `Hubble has lost ${lost.events} events, so that callers may be missing; give it more room (hubble.eventBufferCapacity) and run ${command}, ` +
        "or write why that does not matter as lost.acknowledged",
    );
  if (nodes.missing.length > 0)
    anew(`nothing was heard from ${nodes.missing.join(", ")}, where pods of ${namespace} run`);
  for (const what of unknown) anew(`nobody could say ${what}`);
  for (const line of callers.filter(({ verdict, acknowledged }) => verdict === "cut off" && !acknowledged))
    faults.push(
      `${nameOf(line.from)} would be cut off from ${describeTarget(line)}: ${line.because.join(", ")}; add an intent (${command.replace("--evidence", "--suggest")} writes it) ` +
        "or put right what is missing, and run it again, or write why it may be cut off as acknowledged beside it",
    );
  return faults;
}

const hours = (seconds: number) =>
  seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;

/** `web/frontend`, `kube-apiserver`, `world 192.0.2.7`: the same for the same caller, and never the same for two. */
export function nameOf(from: Line["from"]): string {
  if (!("entities" in from)) return `${from.namespace}/${from.serviceAccount}`;
  if (from.entities.length === 0) return `reserved:${from.reserved ?? "unknown"}`;
  const node = from.ownNode ? "of the pod's own node" : "";
  return [from.entities.join("+"), node, from.address ?? ""].filter((part) => part !== "").join(" ");
}

/** `app=api, TCP port 8080` */
export const describeTarget = ({ to, port, protocol }: Pick<Line, "to" | "port" | "protocol">) =>
  `${Object.entries(to)
    .map(([key, value]) => `${key}=${value}`)
    .join(",")}, ${protocol}${port === 0 ? "" : ` port ${port}`}`;
