import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { breakGlass } from "../../../cli/render/breakGlass";
import { renderStack } from "../../../cli/lib/renderStack";
import { until } from "../../../lab/until";
import { TestCluster } from "./cluster";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
  await cluster.deploy();
  await cluster.demand();
});
afterAll(() => cluster?.stop());

const recorded = () => cluster.stack.recorded();

describe("while Pulumi is away", () => {
  /** What a user has: programs on PATH, and a kubeconfig. */
  const environment = () => ({ ...process.env, KUBECONFIG: cluster.plane.kubeconfig });
  const shell = (commands: string) => {
    const env = environment();
    const { status, stdout, stderr } = spawnSync("bash", ["-c", commands], { env, encoding: "utf8" });
    if (status !== 0) throw new Error(`${stdout}\n${stderr}`);
  };
  const glass = () => breakGlass(renderStack(cluster.stack.project.directory, "apps", ["auth=false"], "on"));

  test("Cilium's flag alone, with the policies as they are, drops whoever appears: the order is what makes off safe", async () => {
    const lines = glass().split("\n");
    shell(lines.filter((line) => /^helm |rollout status/.test(line)).join(" && "));
    expect(await cluster.newcomer()).toMatchObject({ error: "no answer" });
  });

  test("the commands that render --break-glass prints let them in again, and nobody else", async () => {
    const commands = glass().replace(/^pulumi .*/m, "");
    shell(commands);
    expect(await cluster.newcomer()).toMatchObject({ status: 200 });
    expect(cluster.call("web/intruder")).toMatchObject({ error: "no answer" });
  });

  test("so they do, with the one that they name for it, where a helm that was killed has locked the release", async () => {
    const lines = glass().split("\n");
    const helm = lines.find((line) => line.startsWith("helm "))!;
    const unlock = lines.find((line) => /^# kubectl .* delete secret /.test(line))!.slice(2);
    const slow = `exec ${helm} --wait --set-string podAnnotations.locked=yes`;
    const killed = spawn("bash", ["-c", slow], { env: environment(), stdio: "ignore" });
    const ended = once(killed, "exit");
    const locked = ["--namespace", "kube-system", "--selector", "owner=helm,status=pending-upgrade"];
    const pending = ["get", "secret", ...locked, "--output", "name"];
    await until("helm is at it", () => cluster.plane.kubectl(pending) !== "");
    killed.kill("SIGKILL");
    await ended;
    expect(() => shell(helm)).toThrow(/another operation/);
    shell(`${unlock} && ${helm}`);
  });

  test("and Pulumi, once it has been told as they say, turns it on again", async () => {
    cluster.stack.set("auth", "false");
    cluster.stack.up();
    expect(recorded()).toEqual({ auth: false, phase: "allow" });
    cluster.stack.setFlag("true");
    await cluster.demand();
    expect(await cluster.another()).toMatchObject({ status: 200 });
    expect(cluster.pairs("node2")).toBeGreaterThan(0);
  });
});
