import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatPath, parsePath, PathError, valueAt, withValueAt } from "../../../core/util/path";

const key = fc.string({ minLength: 1 }).filter((k) => !["__proto__", "constructor", "prototype"].includes(k));
const path = fc
  .tuple(key, fc.array(fc.oneof(key, fc.nat(9)), { maxLength: 4 }))
  .map(([first, rest]) => [first, ...rest]);

describe("a configuration path", () => {
  test.each([
    ["auth", ["auth"]],
    ["zero-trust:cluster.cilium.version", ["cluster", "cilium", "version"]],
    ["access[0].port", ["access", 0, "port"]],
    ['rollout.phases["a.b"]', ["rollout", "phases", "a.b"]],
  ])("%s is read as pulumi config set --path reads it", (text, expected) => {
    expect(parsePath(text)).toEqual(expected);
  });

  test("comes back the same after it was written", () => {
    fc.assert(
      fc.property(path, (p) => {
        fc.pre(!/^[\w-]+:/.test(formatPath(p)));
        expect(parsePath(formatPath(p))).toEqual(p);
      }),
    );
  });

  test.each(["", "[0]", "a..b", "a[", "__proto__.x", "a.constructor"])("%j is refused with a reason", (text) => {
    expect(() => parsePath(text)).toThrow(PathError);
  });

  test("leads to the value that was set there, and changes nothing else", () => {
    const before = { a: { b: [1, 2] }, c: 3 };
    const after = withValueAt(before, parsePath("a.b[2]"), 4);
    expect(after).toEqual({ a: { b: [1, 2, 4] }, c: 3 });
    expect(before).toEqual({ a: { b: [1, 2] }, c: 3 });
    expect(valueAt(after, ["a", "b", 2])).toBe(4);
  });

  test("may not skip an index, nor go through a value", () => {
    expect(() => withValueAt({ a: [] }, ["a", 1], 0)).toThrow(/out of range/);
    expect(() => withValueAt({ a: 1 }, ["a", "b"], 0)).toThrow(/not an object/);
    expect(() => withValueAt({ a: {} }, ["a", 0], 0)).toThrow(/not a list/);
  });
});
