import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { breakGlass } from "../../../cli/render/breakGlass";
import { renderStack } from "../../../cli/lib/renderStack";
import { ciliumAuthPolicyObjects } from "../../../components/access/cilium/policies";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { intent } from "../../support/intents";
import { root } from "../../support/stacks";

const commands = (...assignments: string[]) =>
  breakGlass(renderStack(root, "apps", [...assignments, "auth=false"], "on"));

/** A value as `kubectl get --output json` writes it: keys in the order of the alphabet, four spaces. */
function asKubectl(value: unknown): string {
  const sorted = (_: string, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner;
  return JSON.stringify(value, sorted, 4);
}

/** What the first step makes of the policies in a cluster, by the shell, with a kubectl that reads and writes files. */
function relaxed(items: readonly KubernetesObject[]): unknown {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-glass-"));
  try {
    writeFileSync(join(directory, "live"), asKubectl({ apiVersion: "v1", items, kind: "List" }));
    const script = `#!/bin/sh\ncase "$*" in *" get "*) cat ${directory}/live ;; *) cat > ${directory}/written ;; esac\n`;
    writeFileSync(join(directory, "kubectl"), script);
    chmodSync(join(directory, "kubectl"), 0o755);
    const command = /^kubectl .* get .* replace .*$/m.exec(commands())?.[0] ?? expect.fail("no command");
    const env = { ...process.env, PATH: `${directory}:${process.env["PATH"]}` };
    expect(spawnSync("sh", ["-c", command], { env, encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    return JSON.parse(readFileSync(join(directory, "written"), "utf8"));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe("breaking the glass", () => {
  test("relaxes every policy before Cilium stops, and leaves SPIRE alone", () => {
    const text = commands();
    const steps = [
      "replace --filename -",
      "grep -w required",
      "cilium-dbg bpf policy get",
      "apply --server-side",
      "helm ",
      "rollout status",
    ];
    const places = steps.map((step) => text.indexOf(step));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(text).not.toMatch(/delete|statefulset|spire-server /);
  });

  test.each(["perTarget", "joined", "leaving", "whole"] as const)(
    "takes nothing but the demand for authentication out of the policies that are live, also of an earlier version: %s",
    (form) => {
      const intents = Array.from({ length: 300 }, (_, i) =>
        intent(`api-${i}`, {
          port: 1000 + i,
          callers: [...intent("x").callers, { entity: "host" }],
          operations: [{ paths: [{ exact: `/it's "authentication": { "mode": "required" }, really` }] }],
        }),
      );
      const live = (phase: "allow" | "require") =>
        ciliumAuthPolicyObjects("access", {
          namespace: "orders",
          phase,
          intents,
          ...(form === "whole" ? {} : { form }),
        }).map(({ manifest }) => manifest);
      expect(JSON.stringify(live("require")).match(/"authentication":\{/g)?.length).toBeGreaterThanOrEqual(300);
      expect(relaxed(live("require"))).toEqual({ apiVersion: "v1", items: live("allow"), kind: "List" });
    },
  );

  test("sets both of Cilium's flags, by the ConfigMap for Flux and by helm without it", () => {
    const object = /^printf %s '(.*)' \| kubectl .* apply --server-side /m.exec(commands())?.[1] ?? expect.fail();
    const { data } = JSON.parse(object) as { data: { "values.yaml": string } };
    expect(JSON.parse(data["values.yaml"])).toMatchObject({
      authentication: { enabled: false, mutual: { spire: { enabled: false } } },
    });
    expect(commands("cluster.cilium.delivery=none")).not.toContain("configmap");
    expect(commands("cluster.cilium.delivery=none")).toContain(
      "--set authentication.enabled=false --set authentication.mutual.spire.enabled=false",
    );
  });

  test.each([
    ["Cilium", []],
    ["ztunnel", ["mesh.ztunnel.experimental=true", "access=[]", "rollout.phases={}"]],
  ])("names how to get past a webhook that does not answer, before the first step ends: %s", (_, assignments) => {
    const [first = ""] = commands(...assignments).split("# 2.");
    expect(first).toContain("validatingwebhookconfigurations,mutatingwebhookconfigurations");
    expect(first).toContain('"path":"/webhooks/0/failurePolicy","value":"Ignore"');
  });

  test("works from a configuration with authentication on, for a cluster in any supported state", () => {
    expect(commands("auth=true")).toBe(commands());
  });
});
