import { RunError } from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { StackConfig } from "../../core/schema/schema";
import { previousFor } from "../../plan/origins";
import { runProgram, type Registered } from "../support/engine";
import { cluster, withCluster } from "../support/fakeCluster";
import { configOf } from "../support/stacks";

const bad = (auth: boolean) =>
  configOf("apps", `auth=${auth}`, "rollout.phases.kube-system=require", "trustDomain=example.org");
const run = (
  config: StackConfig,
  options: { preview?: boolean; registered?: Registered[] } = {},
  authenticating = true,
  before = config,
) =>
  withCluster(cluster({ authenticating }), ["apps"], () => {
    const { state } = previousFor("on", { ...before, trustDomain: "example.org" });
    return runProgram("apps", config, { rollout: state }, options);
  });

describe("the preflight", () => {
  const said: string[] = [];
  beforeEach(() => {
    said.length = 0;
    for (const method of ["log", "info", "warn", "error"] as const)
      vi.spyOn(console, method).mockImplementation((message) => void said.push(String(message)));
  });
  afterEach(() => vi.restoreAllMocks());

  test("stops an update with a mandatory violation before anything is registered, and names them all", async () => {
    const registered: Registered[] = [];
    const stopped = await run(bad(true), { registered }).catch((error: unknown) => error as Error);
    expect(RunError.isInstance(stopped)).toBe(true);
    expect((stopped as Error).message).toMatch(
      /protected-namespaces: zero-trust:rollout.phases.kube-system[^]*trust-domain: /,
    );
    expect(registered).toEqual([]);
  });

  test("stops a preview only when everything is registered, so that it shows the whole plan and fails", async () => {
    const registered: Registered[] = [];
    await expect(run(bad(true), { preview: true, registered })).rejects.toThrow(/^protected-namespaces: /);
    expect(registered.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["spire-server", "cilium-auth-values", "access-orders-zero-trust"]),
    );
  });

  test("lets an update turn authentication off all the same, with a warning", async () => {
    const { registered } = await run(bad(false));
    expect(registered.some(({ name }) => name === "cilium-auth-values")).toBe(true);
    expect(said.join("\n")).toMatch(/warning: .*protected-namespaces/);
  });

  test("says once what it finds in each of ten namespaces, with the list of them", async () => {
    const teams = Array.from({ length: 10 }, (_, i) => `rollout.phases.team-${i}=require`);
    const stopped = await run(configOf("apps", ...teams), {}, true, configOf("apps")).catch(
      (error: unknown) => error as Error,
    );
    const list = "(NAMESPACE: team-0, team-1, team-2, team-3, team-4 and 5 more)";
    const where = "zero-trust:rollout.phases.NAMESPACE";
    expect((stopped as Error).message.split("\n").filter((line) => /^(one-step|evidence):/.test(line))).toEqual([
      `one-step: ${where} goes from off to require; write observe first ${list}`,
      `evidence: ${where} goes from off to require, but there is no evidence for NAMESPACE; ` +
        `npm run verify -- --stack apps --namespace NAMESPACE --evidence writes it ${list}`,
    ]);
  });

  test("says how phases change, and why one stays behind what is configured", async () => {
    await run(configOf("apps", "auth=false"));
    expect(said.join("\n")).toContain("orders: require -> allow (require is configured; auth is off)");
  });

  test("shows a wrong configuration as its message alone: no stack trace, which Node 20 takes half a minute to format", async () => {
    const wrong = { ...configOf("apps"), authh: true } as StackConfig;
    const stopped = (await run(wrong).catch((error: unknown) => error)) as RunError;
    expect(RunError.isInstance(stopped)).toBe(true);
    expect(stopped.message).toContain("zero-trust:authh is not a key; did you mean auth?");
    expect(stopped.stack).toBe("");
  });
});
