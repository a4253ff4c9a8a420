import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bundleCommand, runCommand } from "../support/command";
import { cluster, withCluster, type Answers } from "../support/fakeCluster";
import { root } from "../support/stacks";

const scratch = join(root, ".build", "test-teardown");
const bundle = join(scratch, "teardown.js");
let project: string;

/** A `pulumi` that has recorded something, and notes what it is told to do. */
function installPulumi(outputs: object, release: object = { retainOnDelete: true }): void {
  const type = "kubernetes:helm.sh/v3:Release";
  const urn = `urn:pulumi:apps::zero-trust::zero-trust:cilium:CiliumAuth$${type}::cilium-auth-release`;
  const state = { deployment: { resources: [{ urn, type, ...release }] } };
  const [output, exported] = [outputs, state].map((printed) => `echo '${JSON.stringify(printed)}'`);
  const program = `#!/bin/sh\ncase "$1 $2" in\n"stack output") ${output} ;;\n"stack export") ${exported} ;;\n*) echo "$@" >> ${join(project, "calls")} ;;\nesac\n`;
  writeFileSync(join(project, "pulumi"), program);
  chmodSync(join(project, "pulumi"), 0o755);
}
const calls = () => {
  const file = join(project, "calls");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
};
const off = { rollout: { auth: false, trustDomain: "apps.zt.internal", phases: { orders: "allow" } } };

const policies = (plural: string) => `/apis/cilium.io/v2/${plural}`;
const rule = (mode?: string) => ({ ingress: [{ ...(mode ? { authentication: { mode } } : {}) }] });
const answers: Answers = {
  ...cluster({ authenticating: false }),
  [policies("ciliumnetworkpolicies")]: { items: [{ metadata: { name: "api", namespace: "orders" }, spec: rule() }] },
};

const teardown = (answers: Answers, ...args: string[]) =>
  withCluster(answers, ["apps"], () =>
    runCommand(bundle, args, project, {
      ...process.env,
      PATH: [project, process.env["PATH"]].join(delimiter),
    }),
  );

beforeAll(async () => {
  mkdirSync(scratch, { recursive: true });
  await bundleCommand("teardown", bundle);
});
afterAll(() => rmSync(scratch, { recursive: true }));
beforeEach(() => {
  project = mkdtempSync(join(scratch, "project-"));
  for (const file of ["Pulumi.yaml", "Pulumi.apps.yaml"]) cpSync(join(root, file), join(project, file));
});

describe("npm run teardown", () => {
  test("takes the protection off and destroys, once nothing demands authentication", async () => {
    installPulumi(off);
    expect(await teardown(answers, "--stack", "apps", "--yes")).toMatchObject({ status: 0, stderr: "" });
    expect(calls()).toEqual(["state unprotect --all --yes --stack apps", "destroy --stack apps --yes"]);
  });

  test.each([
    [
      "authentication is on",
      { rollout: { ...off.rollout, auth: true } },
      answers,
      /authentication is on; first: pulumi config set auth false/,
    ],
    [
      "a policy of anybody's demands it",
      off,
      {
        ...answers,
        [policies("ciliumclusterwidenetworkpolicies")]: {
          items: [{ metadata: { name: "all" }, specs: [rule("required")] }],
        },
      },
      /CiliumClusterwideNetworkPolicy all demands authentication/,
    ],
    [
      "nobody can say",
      off,
      { ...answers, [policies("ciliumnetworkpolicies")]: 403 },
      /nobody could say .* \(the API server answered 403\)/,
    ],
  ])("leaves everything as it is while %s", async (_, recorded, answers, says) => {
    installPulumi(recorded);
    expect(await teardown(answers, "--stack", "apps", "--yes")).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(says) as string,
    });
    expect(calls()).toEqual([]);
  });

  test("leaves everything as it is while Cilium itself would be uninstalled: an imported release is retained from the next update on", async () => {
    installPulumi(off, { protect: true });
    expect(await teardown(answers, "--stack", "apps", "--yes")).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /cilium-auth-release would be uninstalled.* first: pulumi up --stack apps/,
      ) as string,
    });
    expect(calls()).toEqual([]);
  });
});
