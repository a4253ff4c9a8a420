import { few } from "../../core/util/few";

/** What a node says: how many rules that it enforces demand authentication, or why it cannot say. */
export type Answer = { readonly node: string } & ({ readonly demanding: number } | { readonly because: string });

/**
 * The command, in the container of Cilium's agent, that counts the rules in the datapath of its node whose column AUTH TYPE is not `disabled`. Packets are judged by them,
 * whoever wrote the policy, and they follow a change of it when the agent has realised it. (cilium-dbg/cmd/bpf_policy_get.go; the same in 1.18, 1.19 and 1.20.)
 */
export const countDemanding = [
  "sh",
  "-c",
  'rules=$(cilium-dbg bpf policy get --all --numeric) || exit 2; echo "$rules" | grep -cwE "spire|test-always-fail"; exit 0',
] as const;

/** In seconds. */
export const limits = {
  /** For nodes that say that they still demand it. */
  demanding: 30,
  /** For nodes that say nothing: as long as those take that have nothing else to do. */
  silent: 5,
} as const;

/**
 * Waits until no node demands authentication any more, and not for ever: it is on the way off. A node whose agent restarts without authentication before it has
 * let go of a rule that demands it drops new connections until the restarted agent has done so.
 *
 * @param ask asks every node
 * @param pause waits for a number of milliseconds
 * @param now milliseconds since any moment
 * @returns undefined, or what has to be known where it was given up
 */
export async function untilRelaxed(
  ask: () => Promise<readonly Answer[]>,
  pause: (milliseconds: number) => Promise<unknown>,
  now: () => number = Date.now,
): Promise<string | undefined> {
  const start = now();
  for (;;) {
    const answers = await ask().catch((error: Error): Answer[] => [{ node: "every node", because: error.message }]);
    const left = answers.filter((answer) => !("demanding" in answer) || answer.demanding > 0);
    if (left.length === 0) return undefined;
    const seconds = (now() - start) / 1000;
    const limit = left.some((answer) => "demanding" in answer) ? limits.demanding : limits.silent;
    if (seconds >= limit) return told(left, Math.round(seconds));
    await pause(500);
  }
}

function told(left: readonly Answer[], seconds: number): string {
  const nodes = left.map((answer) =>
    "demanding" in answer
      ? `${answer.node} enforces ${answer.demanding} rules that demand it`
      : `${answer.node} cannot be asked (${answer.because})`,
  );
  return (
    `After ${seconds} s it is not known of every node that it has stopped to demand authentication: ${few(nodes, 6, "; ")}. ` +
    "Going on. There, new connections may be dropped until Cilium's agent has restarted."
  );
}
