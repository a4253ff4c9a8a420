import { few } from "../core/util/few";

/**
 * Whether SPIRE gives certificates to Cilium's agent on a node, in Cilium's words, and which other nodes do not answer it on the port of the handshake; or why
 * nobody knows.
 */
export type Provider = { readonly node: string } & (
  | { readonly state: string; readonly message: string; readonly unanswered: readonly string[] | undefined }
  | { readonly because: string }
);

/** An identity that Cilium has given to pods, by its number and their namespace. */
export interface Identity {
  readonly number: string;
  readonly namespace: string;
}

export interface LabelledIdentity extends Identity {
  /** The labels that its pods share, with their sources, as `k8s:app`. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What the agents, the API server and SPIRE said when they were asked. */
export interface Asked {
  readonly agents: readonly Provider[] | { readonly because: string };
  readonly identities: readonly Identity[] | { readonly because: string };
  /** When SPIRE's entry of an identity was made, in seconds since 1970, by the identity's number. */
  readonly entries: ReadonlyMap<string, number> | { readonly because: string };
}

/** Whether every pod could authenticate at once. */
export interface Readiness {
  /** What has to come about first. */
  readonly lacks: readonly string[];
  /** What nobody could say. */
  readonly unknown: readonly string[];
}

/** How old an entry is that every agent knows, in seconds: SPIRE's agents ask for new ones every five. */
const settled = 10;

/**
 * Judges what was said. That Cilium is configured and has rolled does not make a pod's first call pass: its identity needs an entry in SPIRE, which Cilium's
 * operator makes when it has found SPIRE, and its node's agent must get certificates.
 *
 * @param now in seconds since 1970
 */
export function readinessOf({ agents, identities, entries }: Asked, now: number): Readiness {
  const lacks: string[] = [];
  const unknown: string[] = [];
  const known = <T extends object>(answer: T | { readonly because: string }, question: string): answer is T => {
    if (!("because" in answer)) return true;
    unknown.push(`${question} (${answer.because})`);
    return false;
  };

  if (known(agents, "whether SPIRE gives Cilium's agents certificates")) {
    const silent = agents.flatMap((agent) => ("because" in agent ? [`${agent.node} (${agent.because})`] : []));
    if (silent.length > 0) unknown.push(`whether SPIRE gives certificates to Cilium's agent on ${few(silent)}`);
    const failing = agents.flatMap((agent) =>
      "state" in agent && agent.state !== "Ok" ? [`${agent.node} (${agent.message || agent.state})`] : [],
    );
    if (failing.length > 0) lacks.push(`SPIRE gives no certificates to Cilium's agent on ${few(failing)}`);
    const cut = agents.flatMap((agent) =>
      "state" in agent && agent.unanswered !== undefined && agent.unanswered.length > 0
        ? [`${agent.node} to ${agent.unanswered.join(", ")}`]
        : [],
    );
    if (cut.length > 0)
      lacks.push(
        `agents do not answer on the port of the handshake (TCP 4250, which firewalls must let through between nodes): from ${few(cut)}`,
      );
    const undialled = agents.flatMap((agent) =>
      "state" in agent && agent.unanswered === undefined ? [agent.node] : [],
    );
    if (undialled.length > 0)
      unknown.push(`whether other nodes answer on the port of the handshake from ${few(undialled)}`);
  }
  if (
    known(identities, "which identities there are") &&
    known(entries, "whether each identity has its entry in SPIRE")
  ) {
    const missing = identities.filter(({ number }) => (entries.get(number) ?? Infinity) > now - settled);
    const named = missing.map(({ number, namespace }) => `${number} (${namespace})`);
    if (named.length > 0)
      lacks.push(
        `of ${identities.length} identities ${named.length} have no entry in SPIRE that has settled: ${few(named)}`,
      );
  }
  return { lacks, unknown };
}
