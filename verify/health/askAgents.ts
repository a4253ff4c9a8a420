import type { StackConfig } from "../../core/schema/schema";
import { eachAgent } from "../../live/probes/agents";
import { dial, peersOf } from "../../live/handshake";
import { countDemanding } from "../../live/gates/relaxed";
import { agentStatus, authenticatedPairs, endpoints, readText, type Asked } from "./answers";
import type { AgentAnswer } from "./facts";

/** How long an agent may take, in seconds: it writes all of its endpoints. */
const patience = 20;

/** What begins a part of the answer, and what says that there is none. */
const mark = "@@";
const failed = `${mark}failed`;

/**
 * The command, in the container of Cilium's agent, that writes all that is asked of it, part after part: one connection to each node is enough. The directory is where
 * the chart's init container has written the agent's configuration (`cilium-dbg build-config`).
 */
export const inspect: readonly string[] = [
  "bash",
  "-c",
  [
    `part() { echo "${mark}$1"; shift; "$@" 2>/dev/null || echo "${failed}"; }`,
    'config() { cd /tmp/cilium/config-map && for key in mesh-auth-*; do [ -e "$key" ] && printf "%s=%s\\n" "$key" "$(cat "$key")"; done; return 0; }',
    "part status cilium-dbg status --output json",
    "part config config",
    "part pairs cilium-dbg bpf auth list --output json",
    "part endpoints cilium-dbg endpoint list --output json",
    `part demanding sh -c '${countDemanding[2].replaceAll("'", `'\\''`)}'`,
  ].join("\n"),
];

/** Asks each of Cilium's agents. Reads pods and runs commands in them (`pods/exec`) in Cilium's namespace. */
export async function askEachAgent(cluster: StackConfig["cluster"]): Promise<AgentAnswer[]> {
  const answers = await eachAgent(cluster, async (run, own, addresses) => {
    const because = (error: unknown) => ({ because: error instanceof Error ? error.message : "no answer" });
    const [inspected, dialled] = await Promise.all([
      run(inspect, patience).then((known) => ({ known }), because),
      run(dial(peersOf(addresses, own))).then((known) => ({ known }), because),
    ]);
    return { inspected, dialled };
  });
  return answers
    .map((answer) =>
      "inspected" in answer
        ? answerOf(answer.node, answer.inspected, answer.dialled)
        : answerOf(answer.node, answer, answer),
    )
    .sort((a, b) => (a.node < b.node ? -1 : 1));
}

/** Reads what an agent has written. Never throws. */
export function answerOf(node: string, inspected: Asked<string>, dialled: Asked<string>): AgentAnswer {
  const parts = "known" in inspected ? partsOf(inspected.known) : new Map<string, string>();
  const part = <T>(name: string, read: (text: string) => Asked<T>): Asked<T> => {
    if (!("known" in inspected)) return inspected;
    const text = parts.get(name);
    return text === undefined || text.includes(failed) ? { because: "the agent does not say" } : read(text);
  };
  return {
    node,
    provider: part("status", (text) => {
      const status = readText(agentStatus, text);
      if (!("known" in status)) return status;
      const { state = "unknown", msg = "" } = status.known["auth-certificate-provider"] ?? {};
      return { known: { state, message: msg } };
    }),
    unanswered: "known" in dialled ? { known: dialled.known.split("\n").filter((line) => line !== "") } : dialled,
    config: part("config", (text) => ({
      known: Object.fromEntries(
        text.split("\n").flatMap((line) => {
          const at = line.indexOf("=");
          return at > 0 ? [[line.slice(0, at), line.slice(at + 1)]] : [];
        }),
      ),
    })),
    // Where no pair was ever authenticated there is no map, and nothing is written.
    pairs: part("pairs", (text) => (text.trim() === "" ? { known: [] } : readText(authenticatedPairs, text))),
    endpoints: part("endpoints", (text) => readText(endpoints, text)),
    demanding: part("demanding", (text) => {
      const demanding = Number(text.trim());
      return text.trim() === "" || Number.isNaN(demanding)
        ? { because: "an answer that is no number" }
        : { known: demanding };
    }),
  };
}

function partsOf(text: string): Map<string, string> {
  const parts = new Map<string, string>();
  let name: string | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith(mark) && line !== failed) parts.set((name = line.slice(mark.length)), "");
    else if (name !== undefined) parts.set(name, `${parts.get(name) ?? ""}${line}\n`);
  }
  return parts;
}
