import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serializeProperties } from "@pulumi/pulumi/runtime/rpc";
import fc from "fast-check";
import { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { load } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { filesOf } from "../../../cli/lib/files";
import { ConfigError, loadConfig } from "../../../config/load";
import { read } from "../../../core/util/kubernetesYaml";
import { readStackFile } from "../../../config/stackFile";
import { previousFor } from "../../../plan/origins";
import { plan } from "../../../plan/plan";
import { isObject } from "../../../core/util/objects";
import { decideKnown } from "../../../program/baseline";
import { certificates } from "../certificates/fixture";
import { helm, root } from "../../support/stacks";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "zero-trust-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** The stack apps with releases of its own of Cilium and of cert-manager, with these values beside ours. */
function configWith(values: object, auth: boolean) {
  writeFileSync(join(directory, "cilium.yaml"), JSON.stringify(values));
  const given = readStackFile(root, "apps", [
    ...[...helm, "cluster.cilium.valuesFile=cilium.yaml", `auth=${auth}`],
    `certificates=${JSON.stringify({ ...certificates, values })}`,
  ]);
  return loadConfig(given, "apps", { directory });
}

/**
 * What helm gets of a Release's values: by the SDK's own way onto the wire, and then the provider's (provider/pkg/provider/helm_release.go). It reads and writes properties with
 * SkipNulls, which leaves lists alone; without `allowNullValues` excludeNulls does not, and makes nulls of empty ones, which are skipped in turn.
 */
async function delivered({ values, allowNullValues }: { values: object; allowNullValues?: boolean }): Promise<unknown> {
  const sent = (await serializeProperties("", { values })) as Parameters<typeof Struct.fromJavaScript>[0];
  const bytes = Struct.fromJavaScript(sent).serializeBinary();
  const received = skipNulls(Struct.deserializeBinary(bytes).toJavaScript()["values"]);
  return allowNullValues ? received : skipNulls(excludeNulls(received));
}
const mapFields = (fields: object, change: (value: unknown) => unknown) =>
  Object.fromEntries(Object.entries(fields).flatMap(([key, value]) => (value === null ? [] : [[key, change(value)]])));
function skipNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(skipNulls);
  return isObject(value) ? mapFields(value, skipNulls) : value;
}
function excludeNulls(value: unknown): unknown {
  if (!Array.isArray(value)) return isObject(value) ? mapFields(value, excludeNulls) : value;
  const items = value.filter((item) => item !== null).map(excludeNulls);
  return items.length > 0 ? items : null;
}

// No chart has such a key, and JavaScript none that is an object's own.
const key = fc.oneof(fc.string(), fc.constantFrom("a.b", "on", "1", "x/y")).filter((key) => key !== "__proto__");
const { values } = fc.letrec<{ values: Record<string, unknown>; value: unknown }>((tie) => ({
  values: fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, [], {}, "no", "010", "2026-12-01", 1e21, 9007199254740992, 1.5),
    fc.jsonValue({ maxDepth: 0 }),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("values"),
  ),
}));

const hasNull = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.some(hasNull)
    : isObject(value) && Object.values(value).some((inner) => inner === null || hasNull(inner));

describe("what is delivered by helm", () => {
  test("is what helm would get from the rendered files, whatever the values are, or is refused", async () => {
    await fc.assert(
      fc.asyncProperty(values, fc.boolean(), async (values, auth) => {
        if (auth && hasNull(values)) {
          expect(() => configWith(values, auth)).toThrow(ConfigError);
          return;
        }
        const config = configWith(values, auth);
        const planned = plan(config, previousFor("on", config));
        const { files } = filesOf({ name: "apps", config, plan: planned } as Parameters<typeof filesOf>[0]);
        for (const [name, file] of [
          ["cilium", "cilium-values.yaml"],
          ["cert-manager", "cert-manager-values.yaml"],
        ]) {
          const { args } =
            planned.components.find(({ release }) => release?.args.name === name)?.release ?? expect.fail();
          const { content } = files.find(({ path }) => path === file) ?? expect.fail();
          expect(await delivered(args)).toEqual(load(content, { schema: read }));
        }
      }),
      { numRuns: 50 },
    );
  });

  const withNulls = { updateStrategy: { type: "Recreate", rollingUpdate: null }, list: [{ "a.b": null }] };

  test("has no null: each is named in its file, with what to write in place of it", () => {
    const load = () => configWith(withNulls, true);
    expect(load).toThrow(
      /valuesFile is "cilium.yaml"\n +allowed: a file without null, as in updateStrategy.rollingUpdate, list\[0\]\["a.b"\]: it is dropped by Pulumi's Kubernetes provider/,
    );
    expect(load).toThrow(
      /zero-trust:certificates.values.updateStrategy.rollingUpdate is null\n +allowed: no null: it is dropped/,
    );
    expect(load).toThrow("the chart's own value would come back: write the value that is to be");
  });

  test("keeps no null from stopping an update, but for one that may turn authentication off: there it is said, and dropped", () => {
    const config = configWith(withNulls, false);
    const look = { reachable: true, identity: config.cluster.identity, cilium: "on" } as const;
    const known = (from: "on" | "off") => decideKnown(config, previousFor(from, config).state, look, false);
    const said = /^zero-trust:cluster.cilium.valuesFile: a file without null, as in .*updateStrategy.rollingUpdate/;
    expect(known("off").errors).toContainEqual(expect.stringMatching(said));
    expect(known("on").errors).toEqual([]);
    expect(known("on").notes).toContainEqual(expect.stringMatching(said));
  });
});
