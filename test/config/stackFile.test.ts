import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigError } from "../../config/load";
import { readPeers, listStacks, readStackFile } from "../../config/stackFile";

describe("a stack file", () => {
  let directory: string;
  const write = (file: string, content: string) => writeFileSync(join(directory, file), content);
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "zero-trust-"));
    write("Pulumi.yaml", "name: zero-trust\nruntime: nodejs\n");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test("is read as Pulumi writes it: quoted flags, encryption salt, keys of other projects", () => {
    write(
      "Pulumi.apps.yaml",
      'encryptionsalt: v1:x\nconfig:\n  zero-trust:auth: "false"\n  aws:secretKey: { secure: v1:y }\n  pulumi:disable-default-providers: [kubernetes]\n',
    );
    expect(readStackFile(directory, "apps")).toEqual({ auth: "false" });
  });

  test("comes after the defaults and values of Pulumi.yaml", () => {
    write(
      "Pulumi.yaml",
      "name: zero-trust\nruntime: nodejs\nconfig:\n  auth: { type: boolean, default: false }\n  zero-trust:trustDomain: { value: a.zt.internal }\n  other:x: { value: 1 }\n",
    );
    write("Pulumi.apps.yaml", "config:\n  zero-trust:trustDomain: b.zt.internal\n");
    expect(readStackFile(directory, "apps")).toEqual({ auth: false, trustDomain: "b.zt.internal" });
  });

  test("takes assignments on top, typed as pulumi config set --path types them", () => {
    write("Pulumi.apps.yaml", "config:\n  zero-trust:cluster: { name: apps }\n");
    const assignments = [
      "auth=true",
      "cluster.kubernetes=1.34",
      "access[0].port=8080",
      "access[0].name=010",
      "cluster.context=a=b",
    ];
    expect(readStackFile(directory, "apps", assignments)).toEqual({
      auth: true,
      cluster: { name: "apps", kubernetes: "1.34", context: "a=b" },
      access: [{ port: 8080, name: "010" }],
    });
  });

  test.each([["auth"], ["=true"], ["access[3].port=1"], ["a..b=1"]])(
    "refuses the assignment %s with a reason",
    (assignment) => {
      write("Pulumi.apps.yaml", "config: {}\n");
      expect(() => readStackFile(directory, "apps", [assignment])).toThrow(ConfigError);
    },
  );

  test("that is missing is reported with the stacks that there are", () => {
    write("Pulumi.infra.yaml", "config: {}\n");
    expect(() => readStackFile(directory, "apps")).toThrow(/Pulumi.apps.yaml does not exist[^]*infra/);
  });

  test("that is no YAML is reported by its name and line", () => {
    write("Pulumi.apps.yaml", "config:\n  a: [\n");
    expect(() => readStackFile(directory, "apps")).toThrow(/Pulumi.apps.yaml is not YAML: [^]*\(3:1\)/);
  });

  test("is one of the project's stacks; Pulumi.yaml is none", () => {
    write("Pulumi.infra.yaml", "");
    write("Pulumi.apps.yaml", "");
    expect(listStacks(directory)).toEqual(["apps", "infra"]);
  });

  test("of another stack tells its trust domain, and holds nobody up when it is broken", () => {
    write("Pulumi.apps.yaml", "config: {}\n");
    write("Pulumi.infra.yaml", "config:\n  zero-trust:trustDomain: infra.zt.internal\n");
    write("Pulumi.broken.yaml", "config: [\n");
    expect(readPeers(directory, "apps")).toEqual([{ name: "infra", trustDomain: "infra.zt.internal" }]);
  });
});
