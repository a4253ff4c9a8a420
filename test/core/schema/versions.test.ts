import { expect, test } from "vitest";
import { minorNumberOf, minorOf } from "../../../core/schema/versions";

test.each(["1.19.3", "1.19"])("%s is of the minor version 1.19", (version) => {
  expect(minorOf(version)).toBe("1.19");
  expect(minorNumberOf(version)).toBe(19);
});
