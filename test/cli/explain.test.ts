import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleCommand, runCommand } from "../support/command";
import { root } from "../support/stacks";

const scratch = mkdtempSync(join(tmpdir(), "zero-trust-bundle-"));
const bundle = join(scratch, "explain.js");
const explain = (...options: string[]) => runCommand(bundle, ["--stack", "apps", ...options], root);

beforeAll(() => bundleCommand("explain", bundle));
afterAll(() => rmSync(scratch, { recursive: true }));

describe("npm run explain", () => {
  test("ends with 0 for what is allowed, and names the rule", async () => {
    expect(await explain("--from", "web/frontend", "--to", "orders/api")).toEqual({
      status: 0,
      stderr: "",
      stdout: [
        "web/frontend -> orders/api:8080  allowed, once authenticated",
        "  orders/api names web/frontend",
        "  orders/api is access[0] of the configuration, and CiliumNetworkPolicy orders/zero-trust (Who may call orders/api on port 8080) in the cluster",
        "  phase: require\n",
      ].join("\n"),
    });
  });

  test("knows a caller of another trust domain from one of the stack's own, with which a name may begin too", async () => {
    const call = (from: string) => explain("--from", from, "--to", "orders/api");
    expect(await call("apps.zt.internal/web/frontend")).toMatchObject({ status: 0 });
    const other = await call("infra.zt.internal/web/frontend");
    expect(other).toMatchObject({ status: 1, stdout: expect.stringContaining("denied") as string });
  });

  test("ends with 1 for what is denied, also as JSON and for a pod by its labels", async () => {
    const to = ["--to", "orders", "--label", "app=api", "--port", "8080", "--path", "/v1/x"];
    const { status, stdout } = await explain("--from", "192.0.2.1", ...to, "--json");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      allowed: false,
      call: { from: { entities: ["world"], address: "192.0.2.1" }, http: { method: "GET", path: "/v1/x" } },
      rules: [],
    });
  });

  test("says of a stack with ztunnel that nobody decides", async () => {
    const { status, stdout, stderr } = await explain(
      ...["--from", "web/frontend", "--to", "orders", "--label", "app=api", "--port", "8080", "--set", "auth=false"],
      ...["--set", 'mesh={"ztunnel":{"experimental":true}}', "--set", "access=[]"],
      ...["--set", "rollout.phases.orders=observe", "--set", "spire.install=none"],
    );
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /allowed\n {2}nobody is denied in orders, which is observe\n[^]*nobody decides who may call/,
    );
  });

  test.each([
    [["--from", "web", "--to", "orders/api"], /--from web: write/],
    [["--from", "a/b/c/d", "--to", "orders/api"], /--from a\/b\/c\/d: write/],
    [["--from", "web/frontend"], /--to is missing/],
    [["--from", "web/frontend", "--to", "orders/ap"], /Write one of orders\/api/],
    [["--from", "web/frontend", "--to", "orders"], /--label/],
    [["--from", "web/frontend", "--to", "orders/api", "--port", "http"], /--port http/],
    [["--from", "web/frontend", "--to", "orders/api", "--path", "v1"], /begins with \//],
    [["--from", "web/frontend", "--to", "orders/api", "--set", "authh=1"], /authh/],
  ])("ends with 2 and a reason for %j", async (options, says) => {
    const { status, stderr } = await explain(...options);
    expect(status).toBe(2);
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
