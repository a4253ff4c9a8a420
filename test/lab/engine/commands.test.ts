import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeObject } from "../../../core/util/kubernetes";
import { lastAccessOutput } from "../../../program/lastAccess";
import { bundle } from "../../../cli/lib/bundle";
import { LabStack, policy, retained, values, withoutPack } from "./stack";

describe("the user's own commands, in their order", () => {
  let stack: LabStack;
  beforeAll(async () => {
    stack = await LabStack.start();
    stack.make("infra");
  });
  afterAll(() => stack?.stop());
  /** What the command says of the resources: an up says it of its preview first. */
  const summaries = (output: string) => [...output.matchAll(/Resources:\n(?: +.*\n)+/g)].map(([block]) => block);
  const summary = (output: string) => summaries(output).at(-1)?.replace("Resources:", "").replace(/\s+/g, " ").trim();
  /** What an update says of who gains and loses access: an up says it of its preview first. */
  const news = (output: string) => [
    ...new Set([...output.matchAll(/^ +([-+~] \S.* -> .*): .*$/gm)].map(([, line]) => line)),
  ];
  const readme = readFileSync("README.md", "utf8");

  test.each(["infra", "apps"])(
    "pulumi preview --stack %s shows what it would do, with the guardrails' verdict, and writes nothing",
    (name) => {
      stack.giveTo(name);
      const written = stack.watchWrites();
      const output = stack.project.must(["preview", "--stack", name]);
      expect(summary(output)).toBe("+ 29 to create");
      expect(output).toMatch(/zero-trust@v[\d.]+ \(local: policy\)/);
      expect(written()).toEqual([]);
    },
  );

  test("the first pulumi up makes everything but the demand for authentication, and waits until SPIRE is ready", () => {
    const output = stack.project.must(["up", "--stack", "apps", "--yes"]);
    expect(summary(output)).toBe("+ 29 created");
    expect(readme).toContain(summaries(output).at(-1));
    expect(output).toContain("orders: new -> allow (require is configured; Cilium is not known to authenticate");
    expect(news(output)).toEqual(["- whoever is not named -> orders loses access"]);
    expect(stack.recordedAccess()).toMatchObject({
      auth: true,
      phases: { orders: "allow" },
      intents: [{ name: "api" }],
    });
    expect(stack.demands()).toEqual({ [policy]: [] });
    const ready = (kind: string, name: string, field: string) =>
      stack.plane.kubectl(["get", kind, name, "--namespace", "spire", "--output", `jsonpath={.status.${field}}`]);
    expect([
      ready("statefulset", "spire-server", "readyReplicas"),
      ready("daemonset", "spire-agent", "numberReady"),
    ]).toEqual(["1", "2"]);
  });

  test("a second one changes nothing", () => {
    const written = stack.watchWrites();
    const output = stack.up();
    expect(summary(output)).toBe("29 unchanged");
    expect(output).not.toContain("access by this update");
    expect(written()).toEqual([]);
  });

  test("once Cilium authenticates, the next one demands it", () => {
    stack.rollCilium();
    const output = stack.project.must(["up", "--stack", "apps", "--yes"]);
    expect(output).toContain("orders: allow -> require");
    expect(output).toContain("No PrometheusRule alerts of SPIRE's server being away");
    for (const shown of summaries(output)) expect(readme).toContain(shown);
    expect(stack.demands()).toEqual({ [policy]: ["required"] });
    expect(stack.recorded()).toEqual({ auth: true, phase: "require" });
  });

  test("off and on again deletes, replaces and makes nothing, and off relaxes every policy before Cilium's values", () => {
    const written = stack.watchWrites();
    stack.project.must(["config", "set", "auth", "false", "--stack", "apps"]);
    const output = stack.project.must(["up", "--stack", "apps", "--yes"]);
    expect(readme).toContain(summaries(output).at(-1));
    expect(stack.demands()).toEqual({ [policy]: [] });
    expect(news(output)).toEqual(["~ whoever is named -> orders need not authenticate any more"]);
    const off = [
      { verb: "patch", object: `ciliumnetworkpolicies orders/${policy}`, status: 200 },
      { verb: "patch", object: `configmaps kube-system/${values}`, status: 200 },
    ];
    expect(written()).toEqual(off);
    stack.rollCilium();

    const writtenOn = stack.watchWrites();
    stack.project.must(["config", "set", "auth", "true", "--stack", "apps"]);
    expect(stack.failingUp()).toContain("resume: zero-trust:auth is true, but it was turned off");
    expect(writtenOn()).toEqual([]);
    stack.project.must(["config", "set", "--path", "rollout.resume", "1", "--stack", "apps"]);
    expect(stack.up()).not.toContain("access by this update");
    expect(writtenOn()).toEqual(off.slice(1));
    stack.rollCilium();
    expect(news(stack.up())).toEqual(["~ whoever is named -> orders must authenticate now"]);
    expect(stack.demands()).toEqual({ [policy]: ["required"] });
    expect(writtenOn().filter(({ verb }) => verb.startsWith("delete"))).toEqual([]);
  });

  test("a preview says by name who gains and who loses access, and shows no output that is not for reading", () => {
    stack.set("access[0].callers[0].serviceAccount", "checkout");
    const output = stack.project.must(["preview", "--stack", "apps"], withoutPack);
    stack.set("access[0].callers[0].serviceAccount", "frontend");
    expect(news(output)).toEqual([
      "- web/frontend -> orders/api:8080 loses access",
      "+ web/checkout -> orders/api:8080 gains access, authenticated",
    ]);
    expect(output).not.toContain(lastAccessOutput);
  });

  test("what somebody else changed is seen and set back", () => {
    const rules = () =>
      stack.plane.kubectl([
        ...["get", "ciliumnetworkpolicy", policy, "--namespace", "orders"],
        ...["--output", "jsonpath={.specs[1].ingress}"],
      ]);
    const patch = JSON.stringify([{ op: "replace", path: "/specs/1/ingress", value: [] }]);
    stack.plane.kubectl([
      ...["patch", "ciliumnetworkpolicy", policy, "--namespace", "orders"],
      ...["--type", "json", "--patch", patch],
    ]);
    expect(rules()).toBe("[]");
    expect(summary(stack.project.must(["preview", "--refresh", "--stack", "apps"]))).toMatch(/~ 1 to update/);
    stack.project.must(["up", "--refresh", "--yes", "--skip-preview", "--stack", "apps"]);
    expect(rules()).toBe("[{}]");
  });

  test("destroy stops at what is protected; teardown does while authentication is on, and then leaves exactly what is retained", () => {
    expect(stack.project.pulumi(["destroy", "--yes", "--stack", "apps"]).output).toContain("protected");
    const command = resolve(".build", "test-teardown.js");
    bundle("cli/teardown/main.ts", command, ["@kubernetes/client-node"]);
    const teardown = () => stack.project.command(command, ["--stack", "apps", "--yes"]);
    expect(teardown()).toMatchObject({ status: 1, output: expect.stringContaining("authentication is on") as string });
    stack.set("auth", "false");
    stack.up(withoutPack);
    expect(teardown()).toMatchObject({ status: 0 });
    expect(stack.objects().map(describeObject).sort()).toEqual(retained);
  });

  test("and the next up takes that up again", () => {
    const volume = () =>
      stack.plane.kubectl(["get", "persistentvolumeclaims", "--all-namespaces", "--output", "jsonpath={..uid}"]);
    const before = volume();
    stack.set("auth", "true");
    expect(summary(stack.up())).toBe("+ 29 created");
    expect(volume()).toBe(before);
  });
});
