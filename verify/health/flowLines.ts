import { decide } from "../../core/access/decide";
import type { Intent, Phase } from "../../core/schema/schema";
import { describeTarget, nameOf } from "../../core/rollout/evidence";
import { sightingOf, type Sighting } from "../calls";
import { eventTypes, type Flow } from "../observer";
import { keyOf } from "../tally";

/** What came of the calls of one caller to one target and port. */
export interface FlowLine {
  readonly from: string;
  readonly to: string;
  /** Connections for which Cilium had asked SPIRE, and those that it let in without. */
  readonly authenticated: number;
  readonly allowed: number;
  /** Packets that were dropped, by Cilium's reason. */
  readonly denied: Readonly<Record<string, number>>;
  /** Whether an intent lets it in, in the phase that is in force. */
  readonly named: boolean;
}

interface Counts {
  readonly call: Sighting;
  authenticated: number;
  verdicts: number;
  passed: number;
  readonly denied: Record<string, number>;
}

/** The reasons for which packets are asked for, as Cilium's own text has them (pkg/monitor/api/drop.go). */
const reasons: Readonly<Record<string, string>> = {
  POLICY_DENIED: "policy denied",
  POLICY_DENY: "denied by a deny rule",
  AUTH_REQUIRED: "authentication required",
};
export const authenticationRequired = "authentication required";

/** Adds up flows; the order in which they come changes nothing. */
export class FlowTally {
  readonly #counts = new Map<string, Counts>();

  constructor(readonly namespace: string) {}

  add(flow: Flow): void {
    const call = sightingOf(flow, this.namespace);
    if (!call) return;
    const key = keyOf(call);
    const counts = this.#counts.get(key) ?? { call, authenticated: 0, verdicts: 0, passed: 0, denied: {} };
    this.#counts.set(key, counts);
    const type = flow.event_type?.type;
    if (type === eventTypes.drop) {
      const reason = reasons[String(flow.drop_reason_desc)] ?? `reason ${String(flow.drop_reason_desc)}`;
      counts.denied[reason] = (counts.denied[reason] ?? 0) + 1;
    } else if (type === eventTypes.policyVerdict) {
      // What is dropped comes once more, as a drop.
      if (flow.verdict === "DROPPED") return;
      counts.verdicts++;
      if (call.authenticated) counts.authenticated++;
    } else counts.passed++;
  }

  /** @param phases that are in force */
  lines(intents: readonly Intent[], phases: Readonly<Record<string, Phase>>): FlowLine[] {
    return [...this.#counts.values()]
      .map(({ call, authenticated, verdicts, passed, denied }) => ({
        from: nameOf(call.from),
        to: describeTarget(call),
        authenticated,
        // A packet that gets to a pod has a verdict too, where a policy selects the pod.
        allowed: verdicts > 0 ? verdicts - authenticated : passed,
        denied,
        named:
          call.protocol === "TCP" &&
          decide(intents, phases, {
            from: call.from,
            to: { namespace: this.namespace, labels: call.to },
            port: call.port,
          }).allowed,
      }))
      .sort((a, b) => (a.from + a.to < b.from + b.to ? -1 : 1));
  }
}
