import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { filesOf, writeFiles } from "../../../cli/lib/files";
import { readChange, type Change, type StackChange } from "../../../cli/comment/change";
import { commentOf, largest, marker } from "../../../cli/comment/markdown";
import { difference, type AccessState } from "../../../core/access/difference";
import { accessStateOf } from "../../../plan/plan";
import { renderStack } from "../../../cli/lib/renderStack";
import { jsonOf } from "../../../cli/lib/view";
import { bundleCommand, runCommand } from "../../support/command";
import { root } from "../../support/stacks";

const bundles = mkdtempSync(join(tmpdir(), "zero-trust-change-"));
let directory: string;
let before: AccessState | undefined;
/** Writes one side of a change as the command's help says. */
function side(name: "base" | "head", ...assignments: string[]) {
  const stack = renderStack(root, "apps", assignments, undefined);
  const state = accessStateOf(stack.config, stack.plan);
  if (name === "base") before = state;
  const changes = name === "head" && before ? { changes: difference(before, state) } : {};
  writeFiles(join(directory, name, "apps"), filesOf(stack).files);
  const shown = { ...stack, difference: { base: "main", commit: "0".repeat(40), ...changes } };
  write(`${name}.json`, JSON.stringify({ stacks: [jsonOf(shown)] }));
}
function write(path: string, text: string) {
  mkdirSync(join(directory, "preview"), { recursive: true });
  writeFileSync(join(directory, path), text);
}
const comment = () => commentOf(readChange(directory));
const preview = (message: string, severity = "error") =>
  write("preview/apps.json", JSON.stringify({ diagnostics: [{ message, severity }], changeSummary: { update: 2 } }));

beforeEach(() => {
  directory = mkdtempSync(join(bundles, "change-"));
  before = undefined;
});
afterAll(() => rmSync(bundles, { recursive: true }));

describe("the comment of a change", () => {
  test("says of a change that does nothing that it does nothing, with a line for each stack", () => {
    side("base");
    side("head");
    const text = comment();
    expect(text.startsWith(marker)).toBe(true);
    expect(text).toMatch(/\| `apps` \| on \| ✅ \d+ of \d+ hold, \d warnings \| no change \| none \| not run \|/);
    expect(text).toMatch(/\d warnings as before this change\./);
    expect(text).not.toContain("<details>");
  });

  test("shows the flag, the phases, and where which object differs", () => {
    side("base");
    side("head", "auth=false", "rollout.phases.shop=observe", "spire.csi.kubeletDirectory=/var/lib/kubelet");
    const text = comment();
    expect(text).toContain("**on → off**");
    expect(text).toContain("- `orders: require -> allow`");
    expect(text).toContain("- `shop: off -> observe`");
    expect(text).toMatch(/\| \+ \| `CSIDriver csi.spiffe.io` \|/);
    expect(text).toMatch(
      /\| ~ \| `CiliumNetworkPolicy orders\/zero-trust` \| `specs\[0\].ingress\[0\].authentication \(removed\)` \|/,
    );
    expect(text).toContain("need not authenticate any more");
    expect(text).toMatch(/`cilium-values.yaml` \| `authentication.enabled true -> false`/);
  });

  test("shows where a patch of somebody else's object differs", () => {
    for (const [name, label] of [
      ["base", "enabled"],
      ["head", "disabled"],
    ] as const) {
      side(name);
      mkdirSync(join(directory, name, "apps/2-patches"));
      const patch = { kind: "Namespace", metadata: { name: "orders", labels: { "istio-injection": label } } };
      write(`${name}/apps/2-patches/namespace-orders.yaml`, JSON.stringify(patch));
    }
    expect(comment()).toMatch(/\| ~ \| `Namespace orders` \| `metadata.labels.istio-injection enabled -> disabled` \|/);
  });

  test("shows who gains and who loses access, and a namespace that closes or opens for everybody", () => {
    const callers = (...accounts: string[]) =>
      `access[0].callers=${JSON.stringify(accounts.map((serviceAccount) => ({ namespace: "web", serviceAccount })))}`;
    side("base", callers("old", "both"));
    side("head", callers("new", "both"));
    expect(comment()).toMatch(/hold, \d warnings \| 1 gained, 1 lost \|/);
    expect(comment()).toMatch(/\| `\+` \| `web\/new` \| `orders\/api:8080` \| `gains access, authenticated: [^`]+` \|/);
    expect(comment()).toMatch(/\| `-` \| `web\/old` \| `orders\/api:8080` \| `loses access: [^`]+` \|/);
    expect(comment()).not.toContain("web/both");
    side("head", callers("new", "both"), "rollout.phases.orders=observe");
    expect(comment()).toContain("| `+` | `whoever is not named` | `orders` | `gains access, as nobody is denied");
    const teams = Array.from({ length: 10 }, (_, i) => `rollout.phases.team-${i}=allow`);
    side("head", callers("new", "both"), ...teams);
    const closed = comment()
      .split("\n")
      .filter((line) => line.includes("`whoever is not named` | `NAMESPACE`"));
    expect(closed).toEqual([expect.stringContaining("(NAMESPACE: team-0, team-1, team-2, team-3, team-4 and 5 more)")]);
    expect(comment()).toContain("team-0, team-1, team-2, team-3, team-4 and 5 more: off -> allow");
    expect(comment().match(/rollout\.phases\.NAMESPACE closes NAMESPACE/g)).toHaveLength(1);
    side("base", "rollout.phases.orders=off");
    side("head", callers("new"));
    expect(comment()).toContain("| `-` | `whoever is not named` | `orders` | `loses access");
  });

  test("names a guardrail that is violated, and what to write instead", () => {
    side("base");
    side("head", "rollout.phases.kube-system=require");
    const text = comment();
    expect(text).toMatch(/\| `apps` \| on \| ❌ \d+ violated/);
    expect(text).toMatch(
      /\| ❌ \| `protected-namespaces` \| `zero-trust:rollout.phases.kube-system is require, [^`]*write observe` \|/,
    );
  });

  test("has what the preview alone knows: verdicts, phases, and that it failed", () => {
    side("head");
    preview("error: one-step: zero-trust:rollout.phases.x goes from off to require\nboom");
    write("preview/apps.failed", "");
    const text = comment();
    expect(text).toMatch(/❌ 1 violated, \d warnings \| not compared \| not compared \| ❌ failed, 2 to `update` \|/);
    expect(text).toContain("**`pulumi preview` failed.**");
    expect(text).toContain("| ❌ | `one-step` | `zero-trust:rollout.phases.x goes from off to require` |");
    expect(text).toContain("- `boom`");
    preview("orders: allow -> require", "info");
    expect(comment()).toContain("- `orders: allow -> require`");
    expect(comment()).toContain("It gives no reason in its JSON");
  });

  test("says what is wrong with a configuration that cannot be rendered, and that what was before could not be", () => {
    write("head.json", "");
    write("head.txt", "Pulumi.apps.yaml: zero-trust:auht is not known; write auth\n");
    expect(comment()).toContain("- `Pulumi.apps.yaml: zero-trust:auht is not known; write auth`");
    side("head");
    write("base.json", "");
    write("base.txt", "npm error Missing script: render\n");
    expect(comment()).toContain("nothing is compared with it");
  });

  test("lets nothing from files do anything: no mention, no HTML, no link, and not its own marker", () => {
    side("base");
    side("head");
    const evil = `@team <img src=x> <!-- x --> [x](https://x.y) ${marker}`;
    preview(`error: ${evil}`);
    const text = comment().split("\n").slice(1).join("\n");
    expect(text).toContain("@team");
    expect(text.replace(/(`+)[^\n]*?\1/g, "")).not.toMatch(/@team|<img|<!--|https:/);
  });

  test("fits into a comment however much there is to say, and says what it leaves out", () => {
    const long = "x".repeat(500);
    const stack = (name: string, many: number): StackChange => ({
      name,
      head: undefined,
      base: undefined,
      objects: Array.from({ length: many }, (_, i) => ({ object: `${long}${i}`, change: "changed", fields: [long] })),
      preview: { failed: true, counts: { update: 1 }, steps: [], verdicts: [], phases: [], errors: [long, long, long] },
    });
    const one: Change = { stacks: [stack("apps", 3000)] };
    const text = commentOf(one);
    expect(text.length).toBeLessThanOrEqual(largest);
    expect(text).toMatch(/… and \d+ more\./);
    const hundreds = commentOf({ stacks: Array.from({ length: 300 }, (_, i) => stack(`${i}${long}`, 5)) });
    expect(hundreds.length).toBeLessThanOrEqual(largest);
    expect(hundreds).toContain("… and 280 more.");
    expect(hundreds).toContain("What is said of each stack is left out here");
  });
});

describe("npm run comment", () => {
  const bundle = join(bundles, "comment.js");
  beforeAll(() => bundleCommand("comment", bundle));
  const run = (args: string[], env: NodeJS.ProcessEnv = {}) => runCommand(bundle, args, directory, env);

  test("prints the comment, or writes it to the pull request", async () => {
    side("head");
    const { status, stdout } = await run([directory]);
    expect([status, stdout]).toEqual([0, comment()]);

    const posted: string[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (part) => (body += String(part)));
      request.on("end", () => {
        if (request.method === "POST") posted.push((JSON.parse(body) as { body: string }).body);
        response.end("[]");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    write("event.json", JSON.stringify({ pull_request: { number: 1 } }));
    const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const github = { GITHUB_ACTIONS: "true", GITHUB_API_URL: api, GITHUB_REPOSITORY: "a/b", GITHUB_TOKEN: "x" };
    const done = await run([directory, "--post"], { ...github, GITHUB_EVENT_PATH: join(directory, "event.json") });
    server.close();
    expect([done, posted]).toEqual([{ status: 0, stdout: "The comment was created.\n", stderr: "" }, [comment()]]);
  });

  test("takes the values out of a preview that it is given", () => {
    const input = JSON.stringify({ config: { a: "a value" }, steps: [{ op: "same", urn: "u", newState: "a value" }] });
    const { stdout } = spawnSync(process.execPath, [bundle, "--strip"], { input, encoding: "utf8" });
    expect(JSON.parse(stdout)).toEqual({ steps: [{ op: "same", urn: "u" }] });
    expect(spawnSync(process.execPath, [bundle, "--strip"], { input: "", encoding: "utf8" }).stdout).toBe("");
  });

  test.each([
    ["nothing of a change", () => undefined, /head.json is not there; --help says how it is made/],
    ["a render that is none", () => write("head.json", "{}"), /head.json is not what npm run render writes at stacks/],
    [
      "a stack whose name leads elsewhere",
      () => write("head.json", JSON.stringify({ stacks: [{ name: "../.." }] })),
      /head.json is not what npm run render writes at stacks.0.name/,
    ],
  ])("ends with 2 and one line for %s", async (_, make, message) => {
    make();
    const { status, stderr } = await run([directory]);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
