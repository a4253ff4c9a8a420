import { few } from "../../../core/util/few";
import { authenticationRequired, type FlowLine } from "../flowLines";
import type { Facts, SeenFlows } from "../facts";
import { fail, ok, unknown, warn, type Check, type Finding, type Outcome } from "../finding";

/** Whether Hubble can be asked at all. */
export const hubble: Check = {
  name: "hubble",
  of: "cilium",
  look: (facts) => {
    const { flows, stack } = facts;
    const remedy = `hubble.relay.enabled in Cilium's values, or name each agent: npm run verify -- --stack ${stack} --server HOST:PORT`;
    const what = "what Hubble has seen";
    if (!("known" in flows))
      return { ...unknown(what, flows.because, facts), ...(/403/.test(flows.because) ? {} : { remedy }) };
    const silent = Object.values(flows.known).flatMap((seen) => ("because" in seen ? [seen.because] : []));
    if (silent.length > 0) return { ...unknown(what, few([...new Set(silent)]), facts), remedy };
    const nodes = new Set(Object.values(flows.known).flatMap((seen) => ("known" in seen ? seen.known.silent : [])));
    return nodes.size > 0
      ? warn(
          `Hubble does not hear ${few([...nodes].sort())}`,
          `${remedy}; cilium-dbg status on those nodes says how its Hubble is`,
        )
      : ok(`it answers for ${Object.keys(flows.known).length} namespaces`);
  },
};

/** How many packets of a caller's tell that it does not get in: the first one of a pair is always dropped, and sent again. */
const persistent = 3;

/** What was seen of the calls to each namespace. */
export function flowFindings(facts: Facts): Finding[] {
  const { flows } = facts;
  if (!("known" in flows)) return [];
  return Object.entries(flows.known).flatMap(([namespace, seen]) =>
    "known" in seen ? [{ check: `flows ${namespace}`, ...outcomeOf(facts, namespace, seen.known) }] : [],
  );
}

const deniedOf = ({ denied }: FlowLine) => Object.values(denied).reduce((sum, count) => sum + count, 0);

function outcomeOf({ stack }: Facts, namespace: string, { lines, lost }: SeenFlows): Outcome {
  const sum = (count: (line: FlowLine) => number) => lines.reduce((total, line) => total + count(line), 0);
  const denied = sum(deniedOf);
  const saw = [
    `${sum(({ authenticated }) => authenticated)} authenticated`,
    `${sum(({ allowed }) => allowed)} allowed without`,
    `${denied} dropped`,
    ...(lost > 0 ? [`${lost} events lost`] : []),
  ].join(", ");
  const dropped = lines.filter((line) => line.named && line.authenticated + line.allowed === 0 && deniedOf(line) > 0);
  const names = few(dropped.map(({ from, to, denied }) => `${from} to ${to} (${Object.keys(denied).join(", ")})`));
  if (dropped.length > 0) {
    const asked = dropped.some(({ denied }) => denied[authenticationRequired] !== undefined);
    const remedy = asked
      ? `the checks of entries, certificates and the handshake's port above; in an incident: pulumi config set auth false --stack ${stack} && pulumi up --stack ${stack}`
      : `npm run verify -- --stack ${stack} --namespace ${namespace}, and the checks of policies above`;
    const text = `${saw}; an intent names who got no answer: ${names}`;
    return dropped.some((line) => deniedOf(line) >= persistent) ? fail(text, remedy) : warn(text, remedy);
  }
  const strangers = lines.filter((line) => !line.named && deniedOf(line) > 0).map(({ from }) => from);
  return ok(strangers.length > 0 ? `${saw}; whom no intent names: ${few([...new Set(strangers)])}` : saw);
}
