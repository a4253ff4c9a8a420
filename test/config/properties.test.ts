import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError, loadConfig } from "../../config/load";
import { stackValues } from "../support/arbitrary";

describe("any valid configuration", () => {
  test("loads, and again from what was loaded", () => {
    fc.assert(
      fc.property(stackValues, (values) => {
        const config = loadConfig(values, "apps");
        const { baseValues: _, ...written } = config;
        expect(loadConfig(written, "apps")).toEqual(config);
      }),
    );
  });

  test("loads the same from the strings that the engine passes on", () => {
    fc.assert(
      fc.property(stackValues, (values) => {
        const strings = Object.entries(values).map(([k, v]) => [k, typeof v === "string" ? v : JSON.stringify(v)]);
        expect(loadConfig(Object.fromEntries(strings) as Record<string, unknown>, "apps")).toEqual(
          loadConfig(values, "apps"),
        );
      }),
    );
  });

  test("with a key that is none is refused, and the key is named with the command that removes it", () => {
    const key = fc.stringMatching(/^[a-z]{3,10}$/).map((k) => `zz${k}`);
    fc.assert(
      fc.property(stackValues, key, fc.constantFrom("", "cluster", "rollout"), (values, key, inside) => {
        const broken = inside
          ? { ...values, [inside]: { ...(values[inside] as object), [key]: 1 } }
          : { ...values, [key]: 1 };
        const path = inside ? `${inside}.${key}` : key;
        expect(() => loadConfig(broken, "apps")).toThrow(ConfigError);
        expect(() => loadConfig(broken, "apps")).toThrow(`pulumi config rm --stack apps --path 'zero-trust:${path}'`);
      }),
    );
  });
});
