import { expect, test } from "vitest";
import { isOwn, labelsOf, ownSelector } from "../../../core/util/kubernetes";

test("an object is this program's own by the label that it gives each, which the selector names", () => {
  const labels = labelsOf("spire-server");
  expect(isOwn(labels)).toBe(true);
  expect(Object.entries(labels).map((label) => label.join("="))).toContain(ownSelector);
  for (const others of [undefined, {}, { "app.kubernetes.io/managed-by": "Helm" }]) expect(isOwn(others)).toBe(false);
});
