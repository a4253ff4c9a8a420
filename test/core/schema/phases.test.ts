import { expect, test } from "vitest";
import { isClosed, phases } from "../../../core/schema/schema";

test("a namespace is closed in allow and in require, and not without a phase", () => {
  expect(phases.filter(isClosed)).toEqual(["allow", "require"]);
  expect(isClosed(undefined)).toBe(false);
});
