import { decide } from "../core/access/decide";
import type { Selector } from "../core/schema/intent";
import type { Intent } from "../core/schema/schema";
import { nameOf, type Verdict } from "../core/rollout/evidence";
import type { LabelledIdentity } from "../live/readiness";
import type { Call } from "./calls";

/** What callers are judged by. */
export interface Rules {
  readonly namespace: string;
  readonly intents: readonly Intent[];
  /** Identities, and those of them that have an entry in SPIRE; undefined where nobody could say. */
  readonly registered:
    { readonly identities: readonly LabelledIdentity[]; readonly entries: ReadonlySet<string> } | undefined;
}

/** What `require` would make of a caller. */
export interface Judgement {
  readonly verdict: Verdict;
  /** Why, where it is not simply authenticated; and what else has to be known. */
  readonly because: readonly string[];
}

/**
 * Judges a caller as if its target's namespace were in the phase `require`, whatever the present phase is. What is allowed, and who must authenticate, is as `decide`
 * has it. Of HTTP the connection alone is judged, since flows do not show requests.
 *
 * @param call with whether it was a Job's
 */
export function judge(call: Call & { readonly job: boolean }, { namespace, intents, registered }: Rules): Judgement {
  const { from, to, port, protocol, job } = call;
  // Cilium's option allow-localhost, which is `always` in Kubernetes (daemon/cmd/daemon.go); it is there for the kubelet's probes.
  if ("entities" in from && from.ownNode)
    return {
      verdict: "without authentication",
      because: ["Cilium admits a pod's own node, whatever the policies are"],
    };
  if (protocol !== "TCP") return cutOff(`it is ${protocol}, and intents are about TCP alone`);
  const { allowed, mustAuthenticate } = decide(
    intents,
    { [namespace]: "require" },
    { from, to: { namespace, labels: to }, port },
  );
  if (!allowed) return cutOff(stranger(call));
  if (!mustAuthenticate) {
    const because = "entities" in from ? "it is no workload, so that it cannot authenticate" : "its intent exempts it";
    return { verdict: "without authentication", because: [because] };
  }
  const missing = registered ? unregistered(call, namespace, registered) : [];
  if (missing.length > 0) return cutOff(...missing);
  const because = job
    ? ["a Job: its first packet is dropped, and sent again, before its first connection is authenticated"]
    : [];
  return { verdict: "authenticated", because };
}

const cutOff = (...because: string[]): Judgement => ({ verdict: "cut off", because });

function stranger({ from }: Call): string {
  if (!("entities" in from)) return "no intent names it";
  if (from.entities.length === 0)
    return `no intent can name it: Cilium's identity reserved:${from.reserved ?? "unknown"}`;
  if (from.entities.includes("world")) return "no intent names it: it is outside the cluster";
  return "no intent names it: it is no workload";
}

/** Identities of both ends without an entry in SPIRE: the agents of both ask for one before they let the first packet pass (pkg/auth/mutual_authhandler.go). */
function unregistered(
  { from, to }: Call,
  namespace: string,
  { identities, entries }: NonNullable<Rules["registered"]>,
): string[] {
  const without = (name: string, is: (identity: LabelledIdentity) => boolean) =>
    identities
      .filter((identity) => is(identity) && !entries.has(identity.number))
      .map(({ number }) => `identity ${number}, of ${name}, has no entry in SPIRE`);
  const callers =
    "entities" in from
      ? []
      : without(
          nameOf(from),
          (identity) =>
            identity.namespace === from.namespace &&
            (identity.labels["k8s:io.cilium.k8s.policy.serviceaccount"] ?? "default") === from.serviceAccount,
        );
  const targets = without("the target", (identity) => identity.namespace === namespace && has(identity.labels, to));
  return [...new Set([...callers, ...targets])];
}

const has = (labels: Readonly<Record<string, string>>, selector: Selector) =>
  Object.entries(selector).every(([key, value]) => labels[`k8s:${key}`] === value);
