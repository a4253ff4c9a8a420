import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bundleCommand, runCommand } from "../../support/command";
import { cluster, runningIn, withCluster } from "../../support/fakeCluster";
import { root } from "../../support/stacks";

const scratch = join(root, ".build", "test-rollout");
const bundle = join(scratch, "rollout.js");
let project: string;
const stackFile = () => readFileSync(join(project, "Pulumi.apps.yaml"), "utf8");
const committed = readFileSync(join(root, "Pulumi.apps.yaml"), "utf8");

/** Runs the command as `npm run rollout` does. */
const rollout = (...args: string[]) => runCommand(bundle, args, project);
const step = (command: string, namespace: string) => rollout(command, "--stack", "apps", "--namespace", namespace);

beforeAll(async () => {
  mkdirSync(scratch, { recursive: true });
  await bundleCommand("rollout", bundle);
});
afterAll(() => rmSync(scratch, { recursive: true }));
beforeEach(() => {
  project = mkdtempSync(join(scratch, "project-"));
  for (const file of ["Pulumi.yaml", "Pulumi.apps.yaml", "Pulumi.infra.yaml"])
    cpSync(join(root, file), join(project, file));
  symlinkSync(join(root, "node_modules"), join(project, "node_modules"));
});

describe("npm run rollout", () => {
  test("takes a namespace a phase further in the stack file, and says what that waits for", async () => {
    expect(await step("next", "billing")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^billing: off -> observe in Pulumi\.apps\.yaml\n {2}It denies nobody/) as string,
    });
    expect((await step("next", "billing")).stdout).toMatch(
      /observe -> allow.*\n {2}It denies every caller that no intent/,
    );
    expect((await step("next", "billing")).stdout).toMatch(
      /It needs evidence: there is no evidence for billing; npm run verify .*[^]*every identity has its entry in SPIRE/,
    );
    expect((await step("next", "billing")).stdout).toMatch(/^billing is require .* there is no phase after it\.\n$/);
    expect(stackFile()).toBe(committed.replace("orders: require", "orders: require\n      billing: require"));
  });

  test("leaves the stack file as it is where a guardrail would stop the step, and names it", async () => {
    await step("next", "flux-system");
    await step("next", "flux-system");
    const before = stackFile();
    expect(await step("next", "flux-system")).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/stays allow; .*at require:\n {2}protected-namespaces: .*runs GitOps/) as string,
    });
    expect(stackFile()).toBe(before);
  });

  test("takes a namespace to require at once where no pod runs in it, and not where one does or nobody knows", async () => {
    const answers = { ...cluster({ authenticating: true }), [runningIn("shop")]: { items: [] } };
    const busy = { ...answers, [runningIn("shop")]: { items: [{ metadata: { name: "a" } }] } };
    expect(await withCluster(busy, ["apps"], () => step("greenfield", "shop"))).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^In shop of apps 1 pods run; take it a phase at a time: npm run rollout -- next/,
      ) as string,
    });
    expect((await withCluster(answers, ["infra"], () => step("greenfield", "shop"))).stderr).toMatch(
      /no kubeconfig context apps/,
    );
    expect(stackFile()).toBe(committed);
    expect(await withCluster(answers, ["apps"], () => step("greenfield", "shop"))).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("shop: off -> require in Pulumi.apps.yaml") as string,
    });
    expect(stackFile()).toContain("greenfield: [orders, shop]");
  });

  test("says what is missing, without a stack trace", async () => {
    expect(await rollout("next", "--stack", "apps")).toEqual({
      status: 2,
      stdout: "",
      stderr: "--namespace is missing\n",
    });
    expect(await rollout("next")).toMatchObject({ status: 2, stderr: "--stack is missing: one of apps, infra\n" });
    expect((await rollout("nxet")).stderr).toMatch(/^Write one of next, greenfield\./);
    expect(await rollout("--help")).toMatchObject({ status: 0, stderr: "" });
  });
});
