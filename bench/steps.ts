// What render spends its time on: run in a process of its own for each measurement, `node .build/steps.js DIRECTORY STACK`, so that
// nothing is warm. Prints milliseconds by step, as JSON.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessPage, filesOf, writeFile, writeFiles } from "../cli/files";
import { viewOf } from "../cli/view";
import { difference } from "../components/access/difference";
import { loadConfig } from "../components/config/load";
import { readPeers } from "../components/config/peers";
import { readStackFile } from "../components/config/stackFile";
import { previousFor } from "../components/origins";
import { accessStateOf, plan } from "../components/plan";
import { recordOf } from "../components/rollout/record";
import { manifestsOf } from "../components/kubernetes";
import { factsOfPlan } from "../policy/facts";
import { judge } from "../policy/guardrail";
import { guardrails } from "../policy/guardrails";
import { startTimer } from "./timer";

const [directory = ".", name = "apps"] = process.argv.slice(2);
const { times, timed } = startTimer();

function main(): void {
  const values = timed("read the stack file", () => readStackFile(directory, name));
  const config = timed("loadConfig", () => loadConfig(values, name, { directory }));
  const previous = previousFor("on", config);
  const update = timed("plan", () => plan(config, previous));
  const now = accessStateOf(config, update);
  const fewer = config.access.map((intent) => ({ ...intent, callers: intent.callers.slice(1) }));
  timed("difference, a caller less for each", () => difference({ ...now, intents: fewer }, now));
  timed("recordOf", () => recordOf(manifestsOf(update.components)));
  const stack = { name, peers: timed("readPeers", () => readPeers(directory, name)) };
  const verdicts = timed("judge", () => judge(guardrails, factsOfPlan(stack, config, update, previous)));
  timed("write the files", () => {
    const rendered = { name, from: undefined, config, plan: update, verdicts, waivers: [] };
    const out = mkdtempSync(join(tmpdir(), "zero-trust-bench-"));
    writeFiles(out, filesOf(rendered).files);
    writeFile(join(out, "docs.md"), accessPage(rendered));
    viewOf(rendered, (_, text) => text);
    rmSync(out, { recursive: true });
  });
  process.stdout.write(JSON.stringify(times));
}

main();
