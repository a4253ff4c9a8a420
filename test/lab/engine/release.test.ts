import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { dump, load } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundle } from "../../../cli/lib/bundle";
import { read } from "../../../core/util/kubernetesYaml";
import { withValueAt } from "../../../core/util/path";
import { buildTool, downloadModule } from "../../../tools/go";
import { commandsOf } from "../page";
import { LabStack, withoutPack } from "./stack";

// A release of Cilium's own chart that helm has made is adopted, by the commands of docs/operating.md as they stand there, and worked on.

const version = "1.19.3";
const sum = "h1:foJrHPk45HwshOd8Qf/kptf9JxPfNySkIDKsetZa9+Y=";
const blocks = commandsOf("operating", "test/lab/engine/release.test.ts");
const page = readFileSync("docs/operating.md", "utf8");
const ran = new Set<string>();

let stack: LabStack;
/** The chart, and npm without bundling each time. */
let programs: string;
let chart: string;

interface Said {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a script where a user does, who answers every question with yes. */
function shell(script: string): Said {
  const { environment, directory } = stack.project;
  const { status, stdout, stderr } = spawnSync("bash", ["-e", "-o", "pipefail", "-c", script], {
    cwd: directory,
    env: {
      ...environment,
      ...withoutPack,
      PATH: [programs, environment["PATH"]].join(delimiter),
      PULUMI_SKIP_CONFIRMATIONS: "true",
    },
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return { status, output: stdout + stderr };
}
function must(script: string): string {
  const { status, output } = shell(script);
  if (status !== 0) throw new Error(`${script} ended with ${status}:\n${output}`);
  return output;
}
/** Runs the commands of a block of the page, which say all that the block after it shows. */
function run(name: string): string {
  ran.add(name);
  const output = must(blocks.get(name) ?? expect.fail(`docs/operating.md has no commands ${name}`));
  const after = new RegExp("<!-- " + name + ": [^`]*`{3}bash[^`]*`{3}\\s+`{3}\\n([^]*?)\\n +`{3}\\n");
  const [, shown = ""] = after.exec(page) ?? [];
  for (const line of shown.split("\n").map((line) => line.trim())) if (line !== "…") expect(output).toContain(line);
  return output;
}

const helm = (args: string) => must(`helm --kube-context apps --namespace kube-system ${args}`);
/** The values of the release as helm has recorded them. */
const recorded = (): unknown => JSON.parse(helm("get values cilium --output json"));
const revision = () => (JSON.parse(helm("list --output json")) as { revision: string }[])[0]?.revision;
const get = (object: string, path: string) =>
  stack.plane.kubectl(["get", object, "--namespace", "kube-system", "--output", `jsonpath={${path}}`]);
const tolerations = () => get("deployment/cilium-operator", ".spec.template.spec.tolerations[*].key");
/** The chart's own, beside those of its values. */
const tolerated = "node.cilium.io/agent-not-ready";
const enabled = () => get("configmap/cilium-config", ".data.mesh-auth-enabled");
const rendered = () => {
  must("npm run render -- --stack apps");
  return load(readFileSync(join(stack.project.directory, "rendered/apps/cilium-values.yaml"), "utf8"), {
    schema: read,
  });
};
/** What an update shows of the release: the operations, and what of it differs. */
const shownOf = (output: string) => [
  ...new Set(
    [...output.matchAll(/^ *(\S+) +kubernetes:helm\.sh\/v3:Release cilium-auth-release.*?(\[diff: .*\])?$/gm)].map(
      ([, op, diff]) => `${op} ${diff ?? ""}`.trim(),
    ),
  ),
];

/** What is asked of Cilium's objects whenever something was done to the release: nothing was deleted, or made again. */
let uids: string;
const uidsNow = () =>
  ["daemonset/cilium", "deployment/cilium-operator", "configmap/cilium-config", "serviceaccount/cilium"]
    .map((object) => get(object, ".metadata.uid"))
    .join();

beforeAll(async () => {
  programs = mkdtempSync(join(tmpdir(), "zero-trust-helm-"));
  for (const command of ["render", "teardown"])
    bundle(`cli/${command}/main.ts`, resolve(".build", `release-${command}.js`), ["@kubernetes/client-node"]);
  const built = resolve(".build");
  writeFileSync(join(programs, "npm"), `#!/bin/sh\nname=$2\nshift 3\nexec node ${built}/release-$name.js "$@"\n`, {
    mode: 0o755,
  });
  writeFileSync(join(programs, "helm"), `#!/bin/sh\nexec '${buildTool("helm")}' "$@"\n`, { mode: 0o755 });
  chart = join(downloadModule("github.com/cilium/cilium", `v${version}`, sum), "install/kubernetes/cilium");
  stack = await LabStack.start();
});
afterAll(async () => {
  await stack?.stop();
  rmSync(programs, { recursive: true, force: true });
});

test("a values file is read as helm reads it", () => {
  const echo = join(programs, "echo");
  mkdirSync(join(echo, "templates"), { recursive: true });
  writeFileSync(join(echo, "Chart.yaml"), JSON.stringify({ apiVersion: "v2", name: "echo", version: "1.0.0" }));
  writeFileSync(join(echo, "templates/values.yaml"), "values: {{ toJson .Values.values | quote }}\n");
  const texts = [
    ..."y Y n yes No ON off nO true True yess 010 -0o17 0x1F 0b101 08 019 1_000 1_ _1 -_1 +1 -.5 .5 1. 1e3 -0 1e6".split(
      " ",
    ),
    ..."12:30 1:2:3 2026-12-01 2026-12-01T00:00:00Z 9007199254740993 123456789012345678901234567890 0x 0o8 1.2.3 1e".split(
      " ",
    ),
    ..."~ null Null nul .1e2 +.5e-1 0_17 0B11 0X1f 0O17 1__0 1_0.5 ''".split(" "),
  ];
  const yaml = `values:\n  list: [ ]\n  merged: { <<: &a { b: no }, c: *a }\n${texts.map((text, i) => `  - ${text}`.replace("-", `t${i}:`)).join("\n")}\n`;
  writeFileSync(join(echo, "given.yaml"), yaml);
  const { values } = load(helm(`template echo ${echo} --values ${echo}/given.yaml`)) as { values: string };
  const given = (load(yaml, { schema: read }) as { values: Record<string, unknown> }).values;
  // Helm has a field that is null for one that is not given, where the chart has no value of its own.
  const without = Object.entries(given).filter(([, value]) => value !== null);
  const got = Object.entries(JSON.parse(values) as Record<string, unknown>).filter(([, value]) => value !== null);
  expect(Object.fromEntries(got)).toEqual(Object.fromEntries(without));
});

describe("a release that helm has made", () => {
  test("is adopted: what the import prints is on the page, and it changes nothing", () => {
    const file = load(readFileSync("test/fixtures/cilium-values.yaml", "utf8"));
    // The chart's own list is not empty.
    const given = withValueAt(withValueAt(file, ["operator", "tolerations"], []), ["debug", "enabled"], true);
    writeFileSync(join(programs, "given.yaml"), dump(given));
    helm(`install cilium ${chart} --version ${version} --values ${programs}/given.yaml`);
    expect(tolerations()).toBe(tolerated);
    uids = uidsNow();
    run("adopt-first");
    run("adopt-values");
    expect(load(readFileSync(join(stack.project.directory, "cilium.apps.yaml"), "utf8"))).toEqual(given);
    stack.set("cluster.cilium.chart", chart);
    expect(run("adopt-preview")).toContain("The Helm release kube-system/cilium (revision 1) is there");
    run("adopt-import");
    expect([revision(), enabled(), uidsNow()]).toEqual(["1", "false", uids]);
  });

  test("would be uninstalled by a teardown before the next update, which says so and leaves it", () => {
    const { status, output } = shell("npm run teardown -- --stack apps --yes");
    expect([status, output]).toEqual([1, expect.stringContaining("cilium-auth-release would be uninstalled")]);
    expect(shell("pulumi destroy --stack apps --yes").output).toContain("protected");
    expect([revision(), uidsNow()]).toEqual(["1", uids]);
  });

  test("gets from the next update what is rendered, in place, and is recorded as retained", () => {
    const output = run("adopt-update");
    expect(shownOf(output).every((shown) => /^(~|updated|updating)/.test(shown))).toBe(true);
    expect(recorded()).toEqual(rendered());
    expect([revision(), tolerations(), uidsNow()]).toEqual(["2", tolerated, uids]);
    const state = JSON.parse(must("pulumi stack export --stack apps")) as {
      deployment: { resources: { type: string; protect?: boolean; retainOnDelete?: boolean }[] };
    };
    expect(state.deployment.resources.find(({ type }) => type.endsWith(":Release"))).toMatchObject({
      protect: true,
      retainOnDelete: true,
    });
    expect(stack.project.must(["up", "--stack", "apps", "--yes", "--skip-preview"])).not.toMatch(/~ +kubernetes:helm/);
    expect(revision()).toBe("2");
  });
});

describe("the flag", () => {
  test("goes on in place: Cilium's values once SPIRE is there, and the demand once Cilium has rolled", () => {
    stack.setFlag("true");
    expect(stack.up()).toContain("orders: ");
    expect([enabled(), uidsNow()]).toEqual(["true", uids]);
    stack.up();
    expect(Object.values(stack.demands()).flat()).toEqual(["required"]);
    expect(recorded()).toEqual(rendered());
  });

  test("goes off in place: the policies first, then the release, and nothing is deleted", () => {
    const written = stack.watchWrites();
    stack.setFlag("false");
    const output = stack.up();
    expect(shownOf(output).every((shown) => /^(~|updated|updating)/.test(shown))).toBe(true);
    expect([enabled(), uidsNow(), stack.recorded()]).toEqual(["false", uids, { auth: false, phase: "allow" }]);
    expect(Object.values(stack.demands()).flat()).toEqual([]);
    const objects = written().map(({ object }) => object);
    expect(objects.findIndex((object) => object.includes("cilium-config"))).toBeGreaterThan(
      objects.findIndex((object) => object.startsWith("ciliumnetworkpolicies")),
    );
    expect(recorded()).toEqual(rendered());
  });

  test("goes off by the commands without Pulumi, which then goes on from there", () => {
    stack.setFlag("true");
    stack.up();
    stack.up();
    expect(enabled()).toBe("true");
    const commands = must("npm run render -- --break-glass --stack apps")
      .split("\n")
      .filter((line) => /^(kubectl .* patch|helm) /.test(line));
    expect(commands.at(-1)).toMatch(/^helm .* upgrade cilium /);
    for (const command of commands) must(command);
    expect([enabled(), uidsNow(), Object.values(stack.demands()).flat()]).toEqual(["false", uids, []]);
    stack.setFlag("false");
    stack.up();
    expect([enabled(), stack.recorded()?.auth]).toEqual(["false", false]);
    expect(recorded()).toEqual(rendered());
  });
});

describe("a null in the file of values", () => {
  const file = () => join(stack.project.directory, "cilium.apps.yaml");
  let before: string;
  beforeAll(() => {
    before = readFileSync(file(), "utf8");
  });

  test("is refused while authentication is on, with its path and what to write in place of it", () => {
    stack.setFlag("true");
    stack.up();
    writeFileSync(file(), dump(withValueAt(load(before), ["updateStrategy", "rollingUpdate"], null)));
    const { status, output } = shell("pulumi preview --stack apps");
    expect(status).not.toBe(0);
    expect(output).toContain("a file without null, as in updateStrategy.rollingUpdate: it is dropped by Pulumi's");
    expect(shell("npm run render -- --stack apps").output).toContain("updateStrategy.rollingUpdate");
  });

  test("stops no update that turns authentication off: what is rendered is what is delivered, without it", () => {
    stack.setFlag("false");
    expect(stack.up()).toContain("without null, as in updateStrategy.rollingUpdate");
    expect([enabled(), uidsNow()]).toEqual(["false", uids]);
    expect(recorded()).toEqual(rendered());
    expect(stack.failingUp()).toContain("without null, as in updateStrategy.rollingUpdate");
    writeFileSync(file(), before);
    stack.up();
  });
});

test("a teardown leaves Cilium where it is, as helm has it", () => {
  const at = revision();
  must("npm run teardown -- --stack apps --yes");
  expect([revision(), enabled(), uidsNow()]).toEqual([at, "false", uids]);
  expect(must("pulumi stack --stack apps --show-urns")).not.toContain("Release");
});

test("every command block of the page has been run", () => {
  expect([...ran].sort()).toEqual([...blocks.keys()].sort());
});
