import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { phases } from "../../../core/schema/schema";
import { effectivePhase, lower, phaseChange } from "../../../core/rollout/phases";
import { ciliumStates } from "../../../core/rollout/state";

const phase = fc.constantFrom(...phases);
const cilium = fc.constantFrom(...ciliumStates);
const from = fc.option(phase, { nil: undefined });

describe("a namespace's phase", () => {
  test("is never more than what is configured, and while auth is off never more than allow", () => {
    fc.assert(
      fc.property(phase, from, fc.boolean(), cilium, (configured, from, auth, cilium) => {
        const { to } = phaseChange("orders", configured, from, auth, cilium);
        expect(lower(to, configured)).toBe(to);
        if (!auth) expect(lower(to, "allow")).toBe(to);
      }),
    );
  });

  test("below require is what the flag leaves of it, whatever Cilium does", () => {
    fc.assert(
      fc.property(phase, from, fc.boolean(), cilium, (configured, from, auth, cilium) => {
        fc.pre(effectivePhase(configured, auth) !== "require");
        expect(phaseChange("orders", configured, from, auth, cilium).to).toBe(effectivePhase(configured, auth));
      }),
    );
  });

  test("goes no further in the update that turns auth off, whatever else was written", () => {
    fc.assert(
      fc.property(phase, from, cilium, (configured, from, cilium) => {
        const { to, because } = phaseChange("orders", configured, from, false, cilium, true);
        expect(lower(to, from ?? "off")).toBe(to);
        expect(lower(to, "allow")).toBe(to);
        expect(because === undefined).toBe(to === configured);
      }),
    );
  });

  test.each([
    ["is reached once Cilium is on", "allow", "on", "require"],
    ["is not reached while Cilium rolls", "allow", "rolling", "allow"],
    ["is not reached by a new namespace while Cilium rolls", undefined, "rolling", "allow"],
    ["stays while a node is away or Cilium rolls", "require", "rolling", "require"],
    ["is left when Cilium is off, which would drop every new connection", "require", "off", "allow"],
  ] as const)("require %s", (_, from, cilium, to) => {
    expect(phaseChange("orders", "require", from, true, cilium).to).toBe(to);
  });

  test("says why it stays behind what is configured, and only then", () => {
    fc.assert(
      fc.property(phase, from, fc.boolean(), cilium, (configured, from, auth, cilium) => {
        const { to, because } = phaseChange("orders", configured, from, auth, cilium);
        expect(because === undefined).toBe(to === configured);
      }),
    );
  });
});
