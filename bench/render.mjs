// Renders both stacks beside `helm template` of Cilium's chart with its SPIRE, in turn, and prints the ratio of the medians.
//   npm run render && node bench/render.mjs HELM CHART [ROUNDS]
// HELM is the helm binary, CHART the folder install/kubernetes/cilium of a Cilium source tree.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [helm, chart, rounds = "9"] = process.argv.slice(2);
if (!helm || !chart) {
  console.error("usage: node bench/render.mjs HELM CHART [ROUNDS]");
  process.exit(2);
}
const out = mkdtempSync(join(tmpdir(), "zero-trust-bench-"));
const spire = ["enabled", "mutual.spire.enabled", "mutual.spire.install.enabled"];
const contestants = {
  "render, two stacks": [process.execPath, [".build/render.js", "--out", out]],
  "helm template": [
    helm,
    ["template", "cilium", chart, ...spire.flatMap((key) => ["--set", `authentication.${key}=true`])],
  ],
};

const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
for (let round = 0; round < Number(rounds); round++) {
  for (const [name, [command, args]] of Object.entries(contestants)) {
    const start = process.hrtime.bigint();
    const { status, stderr } = spawnSync(command, args, { maxBuffer: 1 << 28 });
    if (status !== 0) throw new Error(`${name} failed: ${stderr}`);
    times[name].push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  process.stderr.write(`round ${round + 1} of ${rounds}\r`);
}
rmSync(out, { recursive: true });

const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
const medians = Object.entries(times).map(([name, list]) => [name, median(list)]);
for (const [name, ms] of medians) console.log(`${name.padEnd(20)} ${ms.toFixed(0).padStart(6)} ms`);
console.log(`${"ratio".padEnd(20)} ${(medians[0][1] / medians[1][1]).toFixed(2).padStart(6)}`);
