import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ConfigError, loadConfig } from "../../config/load";
import { readStackFile } from "../../config/stackFile";
import { configOf, root, stacks } from "../support/stacks";

const good = readStackFile(root, "apps");

/** The problems of a configuration, one line each. */
function problems(values: object): string[] {
  try {
    loadConfig(values as Record<string, unknown>, "apps");
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ key, problem }) => `${key} ${problem}`);
  }
}

describe("a stack's configuration", () => {
  test.each(stacks)("of %s, as committed, is valid", (stack) => {
    expect(configOf(stack).cluster.name).toBe(stack);
  });

  test("is frozen through and through", () => {
    const config = configOf("apps");
    expect(Object.isFrozen(config.cluster.cilium)).toBe(true);
    expect(Object.isFrozen(config.access[0]?.callers[0])).toBe(true);
  });

  test("is the same from the engine, which passes JSON strings, as from the file", () => {
    const fromEngine = Object.fromEntries(
      Object.entries(good).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
    );
    expect(loadConfig(fromEngine, "apps")).toEqual(loadConfig(good, "apps"));
  });

  test("is the same, byte for byte, in whatever order its keys come", () => {
    const reversed = (value: unknown): unknown =>
      typeof value !== "object" || value === null || Array.isArray(value)
        ? value
        : Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, inner]) => [key, reversed(inner)]),
          );
    const values = readStackFile(root, "apps", ["access[0].target.selector.tier=web", "rollout.phases.web=allow"]);
    const other = loadConfig(reversed(values) as Record<string, unknown>, "apps");
    expect(JSON.stringify(other)).toBe(JSON.stringify(loadConfig(values, "apps")));
  });

  test.each(["false", "true"])('takes the "%s" that pulumi config set writes', (auth) => {
    expect(loadConfig({ ...good, auth }, "apps").auth).toBe(auth === "true");
  });

  test("takes objects and lists that pulumi config set wrote as JSON in a string", () => {
    const { access } = loadConfig(
      {
        ...good,
        access: JSON.stringify([
          {
            name: "api",
            target: { namespace: "orders", selector: '{"app":"api"}' },
            port: "8080",
            callers: '[{"namespace":"web","serviceAccount":"frontend"}]',
          },
        ]),
      },
      "apps",
    );
    expect(access[0]).toMatchObject({ port: 8080, target: { selector: { app: "api" } } });
  });

  test("reports every problem at once, each with its key, what is allowed, and the command that puts it right", async () => {
    const bad = {
      ...good,
      auth: "yes",
      autth: true,
      trustDomain: "spiffe://Apps",
      cluster: { name: "apps", context: "apps", kubernetes: 1.34, cilium: { version: "1.21.0", delivry: "flux" } },
      rollout: { phases: { Orders: "require", web: "enforce" } },
    };
    const message = (() => {
      try {
        loadConfig(bad, "apps");
      } catch (error) {
        return (error as ConfigError).message;
      }
      return "no error";
    })();
    await expect(`${message}\n`).toMatchFileSnapshot("../golden/config-errors.txt");
  });

  test("names every missing key when nothing is configured", () => {
    expect(problems({})).toEqual([
      "zero-trust:auth is missing",
      "zero-trust:trustDomain is missing",
      "zero-trust:cluster.name is missing",
      "zero-trust:cluster.context is missing",
      "zero-trust:cluster.identity is missing",
      "zero-trust:cluster.kubernetes is missing",
      "zero-trust:cluster.cilium.version is missing",
      "zero-trust:cluster.cilium.delivery is missing",
    ]);
  });

  test("says what a misspelt key may have meant", () => {
    expect(problems({ ...good, autth: true })).toEqual(["zero-trust:autth is not a key; did you mean auth?"]);
  });

  test("tells an encrypted value from a wrong one, and never shows it", () => {
    const secret = "v1:abc:def";
    expect(problems({ ...good, cluster: { ...(good["cluster"] as object), context: { secure: secret } } })).toEqual([
      expect.stringContaining("zero-trust:cluster.context is encrypted"),
    ]);
    expect(problems({ ...good, auth: { secure: secret } }).join()).not.toContain(secret);
  });

  test("shows a wrong value that came from the engine as JSON", () => {
    const cluster = JSON.stringify({ ...(good["cluster"] as object), identity: "" });
    expect(problems({ ...good, cluster })).toEqual(['zero-trust:cluster.identity is ""']);
  });

  test("shows what does not go together beside what is wrong in itself", () => {
    const cluster = { ...(good["cluster"] as object), kubernetes: "1.20", foo: 1 };
    expect(problems({ ...good, cluster, rollout: { phases: { Bad: "allow" } } })).toEqual([
      "zero-trust:cluster.foo is not a key",
      'zero-trust:rollout.phases.Bad cannot be named "Bad"',
      'zero-trust:cluster.kubernetes is "1.20"',
    ]);
  });

  test.each(["cluster.cilium.version=1.21.0", "cluster.kubernetes=1.40", "spire.version=2.0.0"])(
    "refuses %s, which is not supported, but not where authentication is off: that must always work",
    (assignment) => {
      expect(() => configOf("apps", assignment)).toThrow(/allowed: one of/);
      expect(configOf("apps", assignment, "auth=false").auth).toBe(false);
    },
  );

  test.each(["registry.corp:5000/spire-server:1.15.3", `registry.corp/spire-server@sha256:${"a".repeat(64)}`])(
    "takes the image %s",
    (image) => {
      expect(configOf("apps", `spire.images.server=${image}`).spire.images.server).toBe(image);
    },
  );

  test.each(["registry.corp/spire-server", "https://registry.corp/spire-server:1", "spire-server:1@sha256:12", "1"])(
    "refuses the image %s, and says what an image is",
    (image) => {
      expect(() => configOf("apps", `spire.images.server=${image}`)).toThrow(
        /spire\.images\.server is [^]*allowed: an image with a version, a digest or both[^]*spire-server:1\.15\.3$/,
      );
    },
  );

  test("wants a phase for every namespace that an intent is about", () => {
    expect(problems({ ...good, rollout: { phases: {} } })).toEqual(["zero-trust:rollout.phases.orders is missing"]);
  });

  test("wants intents of one namespace to have different names", () => {
    const [intent] = good["access"] as object[];
    expect(problems({ ...good, access: [intent, intent] })).toEqual(['zero-trust:access[1].name is "api"']);
  });

  test.each([
    ["spire.install=bundled", "spire.replicas=3", "managed"],
    ["spire.install=external", "spire.ttl.ca=24h", "managed"],
    ["spire.install=bundled", "spire.external.serverAddress=a:1", "external"],
    ["spire.install=external", "spire.storage.size=2Gi", "managed or bundled"],
    ["cluster.cilium.delivery=none", "cluster.cilium.releaseNamespace=a", "flux"],
    ["cluster.cilium.delivery=flux", "cluster.cilium.chart=./cilium", "helm"],
  ])("with %s refuses %s, which would do nothing", (mode, assignment, used) => {
    const key = assignment.split(/[=]/)[0]?.replace(/\.(ca|size|serverAddress)$/, "") ?? "";
    const load = () => configOf("apps", mode, assignment);
    expect(load).toThrow(`zero-trust:${key} is`);
    expect(load).toThrow(new RegExp(`nothing: it has an effect only with .* ${used}\n +fix: +pulumi config rm`));
  });

  test("wants to know where a SPIRE is that is already there, and the other values of a release of our own", () => {
    expect(() => configOf("apps", "spire.install=external")).toThrow(
      "zero-trust:spire.external.serverAddress is missing",
    );
    expect(() => configOf("apps", "cluster.cilium.delivery=helm")).toThrow(
      "zero-trust:cluster.cilium.valuesFile is missing",
    );
  });

  test.each(["kube-system", "cilium"])("does not make %s, which is others', the agents' namespace", (name) => {
    const load = () => configOf("apps", `spire.agentNamespace=${name}`, "cluster.cilium.namespace=cilium");
    expect(load).toThrow("a namespace of SPIRE's own");
  });

  describe("names a file with the other values of Cilium's chart", () => {
    const withFile = (content: string | undefined) => {
      const directory = mkdtempSync(join(tmpdir(), "zero-trust-"));
      if (content !== undefined) writeFileSync(join(directory, "cilium.yaml"), content);
      const values = readStackFile(root, "apps", [
        "cluster.cilium.delivery=helm",
        "cluster.cilium.valuesFile=cilium.yaml",
      ]);
      try {
        return loadConfig(values, "apps", { directory });
      } finally {
        rmSync(directory, { recursive: true });
      }
    };

    test("which is read", () => {
      expect(withFile("ipam: { mode: kubernetes }").baseValues).toEqual({ ipam: { mode: "kubernetes" } });
    });

    test.each([
      ["is not there", undefined, /cilium.yaml does not exist/],
      ["is not YAML", "a: [", /can be read: cilium.yaml/],
      ["is a list", "- a", /YAML object/],
      [
        "has what the flag decides",
        "authentication: { enabled: true }",
        /a file without authentication: this program sets that/,
      ],
      [
        "has the rollouts",
        "rollOutCiliumPods: false\noperator: { rollOutPods: true }",
        /without rollOutCiliumPods, operator.rollOutPods/,
      ],
    ])("and says so when it %s", (_, content, message) => {
      expect(() => withFile(content)).toThrow(message);
    });
  });

  test("never shows the value of a key that was set as a secret", () => {
    const load = () => loadConfig({ ...good, trustDomain: "hunter2 " }, "apps", { secret: ["trustDomain"] });
    expect(load).toThrow(/zero-trust:trustDomain is a secret with a wrong value/);
    expect(load).not.toThrow(/hunter2/);
  });
});
