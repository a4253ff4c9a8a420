import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { load } from "js-yaml";
import { expect, test } from "vitest";
import { withStep } from "../../../cli/rollout/stackFileEdit";
import { ConfigError } from "../../../config/load";
import { phases } from "../../../core/schema/schema";
import { root } from "../../support/stacks";

const committed = readFileSync(join(root, "Pulumi.apps.yaml"), "utf8");
interface Parsed {
  config: { "zero-trust:rollout"?: { phases?: Record<string, string>; greenfield?: string[] } };
}
const rolloutOf = (text: string) => (load(text) as Parsed).config["zero-trust:rollout"];
const step = (namespace: string, phase: (typeof phases)[number], greenfield = false) => ({
  namespace,
  phase,
  greenfield,
});

test("a step changes its line in the stack file, and no other", () => {
  const changed = (text: string) => text.split("\n").filter((line) => !committed.split("\n").includes(line));
  const lines = committed.split("\n").length;
  expect(changed(withStep(committed, "apps", step("orders", "allow")))).toEqual(["      orders: allow"]);
  const added = withStep(committed, "apps", step("billing", "observe"));
  expect([changed(added), added.split("\n").length]).toEqual([["      billing: observe"], lines + 1]);
  const green = withStep(committed, "apps", step("shop", "require", true));
  expect(changed(green)).toEqual(["      shop: require", "    greenfield: [orders, shop]"]);
});

test("whatever the stack file says of the rollout, a step is the only thing that changes in what it means", () => {
  const name = fc.stringMatching(/^[a-z]{1,6}$/);
  const rollout = fc.option(
    fc.record(
      {
        phases: fc.dictionary(name, fc.constantFrom(...phases)),
        greenfield: fc.uniqueArray(name),
        blastRadius: fc.nat(),
      },
      { requiredKeys: [] },
    ),
    { nil: undefined },
  );
  fc.assert(
    fc.property(
      rollout,
      fc.boolean(),
      name,
      fc.constantFrom(...phases),
      fc.boolean(),
      (before, flow, namespace, phase, greenfield) => {
        const given = before && { "zero-trust:rollout": before };
        const config = { "zero-trust:auth": true, ...given };
        const text = flow ? JSON.stringify({ config }) : blockOf({ config });
        const after = rolloutOf(withStep(text, "apps", step(namespace, phase, greenfield)));
        const names = [...new Set([...(before?.greenfield ?? []), ...(greenfield ? [namespace] : [])])];
        expect(after).toEqual({
          ...before,
          phases: { ...before?.phases, [namespace]: phase },
          ...(names.length > 0 || before?.greenfield ? { greenfield: names } : {}),
        });
      },
    ),
  );
});

test("what Pulumi keeps as text is not edited, and the error says what to do", () => {
  const text = `config:\n  zero-trust:rollout: '{"phases":{}}'\n`;
  expect(() => withStep(text, "apps", step("orders", "allow"))).toThrow(ConfigError);
  expect(() => withStep(text, "apps", step("orders", "allow"))).toThrow(
    /zero-trust:rollout is text.*\n.*write it as YAML/,
  );
});

/** YAML with a key or an item a line. */
function blockOf(value: unknown, indent = ""): string {
  if (Array.isArray(value) && value.length > 0) return value.map((item) => `\n${indent}- ${String(item)}`).join("");
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0)
    return ` ${JSON.stringify(value)}`;
  return Object.entries(value)
    .map(([key, inner]) => `\n${indent}${JSON.stringify(key)}:${blockOf(inner, `${indent}  `)}`)
    .join("");
}
