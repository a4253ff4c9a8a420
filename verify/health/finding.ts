import type { Facts } from "./facts";
import type { Asked } from "./answers";

/** `fail` is broken, `unknown` could not be seen, `warn` may break, `skip` is not of this stack. */
export const verdicts = ["fail", "unknown", "warn", "ok", "skip"] as const;
export type Verdict = (typeof verdicts)[number];

export interface Outcome {
  readonly verdict: Verdict;
  /** What was seen, or why nothing was. */
  readonly saw: string;
  /** What to do, with the command. */
  readonly remedy?: string;
}

/** What a check found. */
export interface Finding extends Outcome {
  readonly check: string;
}

/** One question about a stack and its cluster. */
export interface Check {
  readonly name: string;
  /** Whose it is: a stack without it skips the check. */
  readonly of: "cluster" | "spire" | "cilium";
  readonly look: (facts: Facts) => Outcome;
}

export const ok = (saw: string): Outcome => ({ verdict: "ok", saw });
export const skip = (saw: string): Outcome => ({ verdict: "skip", saw });
export const warn = (saw: string, remedy: string): Outcome => ({ verdict: "warn", saw, remedy });
export const fail = (saw: string, remedy: string): Outcome => ({ verdict: "fail", saw, remedy });

/** Somebody who reads the cluster without the right to is told which it takes. */
export const unknown = (what: string, because: string, { stack }: Pick<Facts, "stack">): Outcome => ({
  verdict: "unknown",
  saw: `nobody could say ${what} (${because})`,
  remedy: /403/.test(because)
    ? `npm run verify -- --stack ${stack} --rights prints the rights that it takes`
    : `look again: npm run verify -- --stack ${stack}`,
});

/** Goes on with an answer, or says why there is none. */
export const given = <T>(
  asked: Asked<T>,
  what: string,
  facts: Pick<Facts, "stack">,
  judge: (known: T) => Outcome,
): Outcome => ("known" in asked ? judge(asked.known) : unknown(what, asked.because, facts));

export const kubectl = ({ config }: Pick<Facts, "config">, namespace?: string) =>
  `kubectl --context ${config.cluster.context}${namespace === undefined ? "" : ` --namespace ${namespace}`}`;

/** `3 h`, `40 min`: of milliseconds, roughly. */
export function span(milliseconds: number): string {
  const minutes = Math.round(Math.abs(milliseconds) / 60_000);
  if (minutes >= 48 * 60) return `${Math.round(minutes / 1440)} days`;
  if (minutes >= 120) return `${Math.round(minutes / 60)} h`;
  return minutes >= 1 ? `${minutes} min` : `${Math.round(Math.abs(milliseconds) / 1000)} s`;
}

export const whenOf = (milliseconds: number) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
