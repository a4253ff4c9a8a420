// What render spends its time on: run in a process of its own for each measurement, `node .build/steps.js DIRECTORY STACK`, so that
// nothing is warm. Prints milliseconds by step, as JSON.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessPage, filesOf, writeFile, writeFiles } from "../cli/lib/files";
import { viewOf } from "../cli/lib/view";
import { difference } from "../core/access/difference";
import { loadConfig } from "../config/load";
import { readPeers, readStackFile } from "../config/stackFile";
import { previousFor } from "../plan/origins";
import { accessStateOf, plan } from "../plan/plan";
import { recordOf } from "../core/rollout/record";
import { manifestsOf } from "../core/util/kubernetes";
import { factsOfPlan } from "../policy/facts/facts";
import { judge } from "../policy/rules/guardrail";
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
