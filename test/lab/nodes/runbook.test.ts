import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../../lab/until";
import type { Done } from "../../../lab/project";
import { TestCluster } from "./cluster";
import { endLoad, startLoad } from "./load";

// What docs/rollout.md tells, command by command, for a namespace that has pods and callers. What was said is in .build/runbook.txt.

let cluster: TestCluster;
const said: string[] = [];

const note = (command: string, { output }: Done): string => {
  said.push(`$ ${command}\n${output}`);
  return output;
};
const pulumi = (...args: string[]) => {
  const done = cluster.stack.project.pulumi([...args, "--stack", "apps"]);
  note(`pulumi ${args.join(" ")} --stack apps`, done);
  return done;
};
const up = () => pulumi("up", "--yes", "--skip-preview").output;
const npm = (name: string, args: readonly string[]) =>
  note(`npm run ${name} -- ${args.join(" ")} --stack apps`, cluster.command(name, args));
const next = () => npm("rollout", ["next", "--namespace", "orders"]);
/** Looks while somebody calls again and again: Hubble's buffers are full in seconds under this load. */
const verify = async (...options: string[]) => {
  const args = ["--namespace", "orders", ...options];
  const running = cluster.startCommand("verify", args);
  let over = false;
  void running.then(() => (over = true));
  await until("verify has ended", () => cluster.call("web/report").status === 200 && over, { seconds: 120 });
  const done = await running;
  return { ...done, output: note(`npm run verify -- ${args.join(" ")} --stack apps`, done) };
};

beforeAll(async () => {
  cluster = await TestCluster.start();
  const { stack } = cluster;
  // As a namespace that was there before this program: with pods and callers, and one caller that nobody thought of.
  stack.set("rollout.greenfield", "[]");
  stack.set("rollout.phases.orders", "off");
  stack.set("rollout.evidenceWindow", "30s");
  stack.up();
  await cluster.runTarget("node2");
  await cluster.run("web/frontend", { node: "node1", serviceAccount: "frontend" });
  await cluster.run("web/report", { node: "node1", serviceAccount: "report" });
  await startLoad(cluster);
});
afterAll(async () => {
  mkdirSync(resolve(".build"), { recursive: true });
  writeFileSync(resolve(".build", "runbook.txt"), said.join("\n"));
  endLoad(cluster);
  await cluster?.stop();
});

describe("a namespace goes from off to require and back, a step a change", () => {
  test("to observe, which denies nobody, and shows who calls", async () => {
    expect(next()).toContain("orders: off -> observe");
    expect(up()).toContain("orders: off -> observe");
    expect(cluster.call("web/report")).toMatchObject({ status: 200 });
    expect((await verify()).output).toMatch(/cut off +web\/report .* no intent names it/);
    expect((await verify("--suggest")).output).toMatch(/serviceAccount: report/);
  });

  test("not further by a jump, nor to require without evidence", () => {
    const jump = pulumi("config", "set", "--path", "rollout.phases.orders", "require");
    expect(jump.status).toBe(0);
    const { status, output } = pulumi("preview");
    expect(status).not.toBe(0);
    expect(output).toMatch(/one-step: .* goes from observe to require; write allow first/);
    expect(output).toMatch(/evidence: .* there is no evidence for orders/);
    pulumi("config", "set", "--path", "rollout.phases.orders", "observe");
  });

  test("to allow, once the caller that was missing is written down", () => {
    const caller = ["--path", "access[0].callers[2].namespace", "web"];
    pulumi("config", "set", ...caller);
    pulumi("config", "set", "--path", "access[0].callers[2].serviceAccount", "report");
    expect(next()).toContain("orders: observe -> allow");
    expect(up()).toContain("orders: observe -> allow");
    expect(cluster.call("web/report")).toMatchObject({ status: 200 });
  });

  test("to require, with evidence of a whole window from every node", async () => {
    expect((await verify("--evidence")).status).toBe(0);
    expect(next()).toMatch(/orders: allow -> require[^]*Its evidence is enough/);
    up();
    await cluster.demand(() => void up());
    expect(cluster.call("web/report")).toMatchObject({ status: 200 });
    expect(cluster.pairs("node2")).toBeGreaterThan(0);
  });

  test("off in an incident, on again by a word, and back any number of steps", async () => {
    pulumi("config", "set", "auth", "false");
    expect(up()).toContain("orders: require -> allow");
    pulumi("config", "set", "auth", "true");
    expect(pulumi("preview").output).toMatch(
      /resume: zero-trust:auth is true, but it was turned off; .*rollout\.resume 1/,
    );
    pulumi("config", "set", "--path", "rollout.resume", "1");
    await cluster.demand(() => void up());
    pulumi("config", "set", "--path", "rollout.phases.orders", "observe");
    expect(up()).toContain("orders: require -> observe");
    expect(cluster.call("web/report")).toMatchObject({ status: 200 });
  });
});
