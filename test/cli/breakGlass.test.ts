import { describe, expect, test } from "vitest";
import { breakGlass } from "../../cli/breakGlass";
import { renderStack } from "../../cli/renderStack";
import { root } from "../support/stacks";

const commands = (...assignments: string[]) =>
  breakGlass(renderStack(root, "apps", [...assignments, "auth=false"], "on"));

/** The argument of a command's --patch, as the shell hands it on. */
const patchOf = (text: string, kind: string) => {
  const argument = new RegExp(`patch ${kind} .*--patch '(.*)'$`, "m").exec(text)?.[1] ?? expect.fail(kind);
  return JSON.parse(argument.replaceAll("'\\''", "'")) as Record<string, unknown>;
};

describe("breaking the glass", () => {
  test("relaxes every policy before Cilium stops, and leaves SPIRE alone", () => {
    const text = commands();
    const steps = [
      "patch ciliumnetworkpolicy allow-api",
      "grep -w required",
      "cilium-dbg bpf policy get",
      "patch configmap",
      "helm ",
      "rollout status",
    ];
    const places = steps.map((step) => text.indexOf(step));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(text).not.toMatch(/delete|statefulset|spire-server /);
  });

  test("replaces the rules by the same without the demand for authentication", () => {
    expect(patchOf(commands(), "ciliumnetworkpolicy")).toEqual({
      spec: {
        ingress: [
          {
            fromEndpoints: [expect.anything(), expect.anything()],
            toPorts: [{ ports: [{ port: "8080", protocol: "TCP" }] }],
          },
        ],
      },
    });
  });

  test("sets both of Cilium's flags, by the ConfigMap for Flux and by helm without it", () => {
    const { data } = patchOf(commands(), "configmap") as { data: { "values.yaml": string } };
    expect(JSON.parse(data["values.yaml"])).toMatchObject({
      authentication: { enabled: false, mutual: { spire: { enabled: false } } },
    });
    expect(commands("cluster.cilium.delivery=none")).not.toContain("configmap");
    expect(commands("cluster.cilium.delivery=none")).toContain(
      "--set authentication.enabled=false --set authentication.mutual.spire.enabled=false",
    );
  });

  test("works from a configuration with authentication on, for a cluster in any supported state", () => {
    expect(commands("auth=true")).toBe(commands());
  });
});
