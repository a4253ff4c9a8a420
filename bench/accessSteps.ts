// What intents cost by themselves: run in a process of its own for each measurement, `node .build/bench/accessSteps.js DIRECTORY`, so that nothing is warm. Prints
// milliseconds by step, as JSON.
import { ciliumAuthPolicyObjects } from "../components/access/cilium/policies";
import { decide, type Call } from "../core/access/decide";
import { difference } from "../core/access/difference";
import { istioAuthPolicyObjects } from "../components/access/istio/policies";
import { linkerdAuthPolicyObjects } from "../components/access/linkerd/policies";
import { loadConfig } from "../config/load";
import { readStackFile } from "../config/stackFile";
import { groupBy } from "../core/util/groupBy";
import { startTimer } from "./timer";

const [, , directory = "."] = process.argv;
/** As many calls whatever the size: each is looked for among all intents. */
const calls = 1000;

const { times, timed } = startTimer();

const {
  access: intents,
  auth,
  trustDomain,
  rollout,
} = loadConfig(readStackFile(directory, "bench"), "bench", { directory });
const size = intents.length;
const byNamespace = [...groupBy(intents, ({ target }) => target.namespace)];
const phase = "require" as const;
const perNamespace =
  (compile: (args: { namespace: string; phase: typeof phase; intents: typeof intents }) => unknown) => () =>
    byNamespace.forEach(([namespace, intents]) => void compile({ namespace, phase, intents }));

timed(
  "compiled to Cilium's policies",
  perNamespace((args) => ciliumAuthPolicyObjects("x", args)),
);
timed(
  "compiled to Istio's",
  perNamespace((args) => istioAuthPolicyObjects("x", { ...args, trustDomain })),
);
timed(
  "compiled to Linkerd's",
  perNamespace((args) => linkerdAuthPolicyObjects("x", args)),
);
timed(`evaluated for ${calls.toLocaleString("en")} calls`, () => {
  for (let i = 0; i < calls; i++) {
    const { target, port, callers } = intents[(i * 7919) % size] ?? { callers: [] };
    const [from] = callers;
    if (!target || port === undefined || !from || !("serviceAccount" in from)) throw new Error("no such intent");
    const to = { namespace: target.namespace, labels: target.selector };
    const call: Call = { from: { namespace: from.namespace, serviceAccount: from.serviceAccount }, to, port };
    if (!decide(intents, rollout.phases, call).mustAuthenticate)
      throw new Error("an intent that does not admit its caller");
  }
});
timed("difference, a caller less for each", () => {
  const after = { auth, phases: rollout.phases, intents };
  const fewer = intents.map((intent) => ({ ...intent, callers: intent.callers.slice(1) }));
  if (difference({ ...after, intents: fewer }, after).length !== size) throw new Error("not a line for each");
});
process.stdout.write(JSON.stringify(times));
