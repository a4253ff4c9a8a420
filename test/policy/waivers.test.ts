import { describe, expect, test } from "vitest";
import { ConfigError } from "../../config/load";
import { judge } from "../../policy/rules/guardrail";
import { guardrails } from "../../policy/guardrails";
import { waived, waiverNotes } from "../../policy/rules/waivers";
import { goodFacts, configOf } from "../support/stacks";
import { clusterwide, withObject } from "./changes";

const waiver = (...keys: string[]) => keys.map((key) => `guardrails.protected-namespaces.${key}`);
const until = waiver("severity=advisory", "reason=the storage moves in June", "until=2026-12-31");

/** The verdict of protected-namespaces on a policy for every namespace. */
function verdictOn(day: string, ...assignments: string[]) {
  const facts = withObject(clusterwide({}))(goodFacts());
  const config = configOf("apps", ...assignments);
  const inForce = guardrails
    .filter(({ name }) => name === "protected-namespaces")
    .map((guardrail) => waived(guardrail, config, day));
  return judge(inForce, { ...facts, config })[0]?.verdict;
}

describe("a guardrail's severity in a stack's configuration", () => {
  test("makes it warn only, up to the day that it names and not a day longer", () => {
    expect(verdictOn("2026-12-31")).toBe("fail");
    expect(verdictOn("2026-12-31", ...until)).toBe("warn");
    expect(verdictOn("2027-01-01", ...until)).toBe("fail");
  });

  test("that has ended stops nothing that turns authentication off", () => {
    expect(verdictOn("2027-01-01", ...until, "auth=false")).toBe("warn");
  });

  test("can make what is advice stop an update, without a reason", () => {
    const config = configOf("apps", "guardrails.cilium-version.severity=mandatory");
    const [advice] = guardrails.filter(({ name }) => name === "protected-namespaces");
    const strict = { ...advice!, name: "cilium-version", severity: "advisory" as const };
    expect(waived(strict, config, "2026-12-31").severity).toBe("mandatory");
  });

  test("is shown in every preview, whether it counts, has ended or names nothing", () => {
    const notes = (day: string, ...assignments: string[]) =>
      waiverNotes(guardrails, configOf("apps", ...assignments), day);
    expect(notes("2026-12-31")).toEqual([]);
    expect(notes("2026-12-31", ...until)).toEqual([
      "zero-trust:guardrails.protected-namespaces: it only warns until 2026-12-31: the storage moves in June",
    ]);
    expect(notes("2027-01-01", ...until).join()).toMatch(/ended on 2026-12-31: the guardrail stops updates again/);
    expect(notes("2026-12-31", "guardrails.tcp-onyl.severity=mandatory")).toEqual([
      "zero-trust:guardrails.tcp-onyl names no guardrail, and changes nothing; did you mean tcp-only?",
    ]);
  });

  test.each([
    ["no reason", waiver("severity=advisory", "until=2026-12-31"), /protected-namespaces.reason is missing/],
    ["no end", waiver("severity=advisory", "reason=it moves in June"), /protected-namespaces.until is missing/],
    ["an end that is no date", [...until, ...waiver("until=soon")], /until is "soon"\n *allowed: a date/],
    ["a reason that is none", [...until, ...waiver("reason=x")], /reason is "x"\n *allowed: a sentence/],
    ["another level", waiver("severity=off"), /severity is "off"\n *allowed: mandatory, advisory/],
  ])("with %s is an error that names the key", (_, assignments, says) => {
    expect(() => configOf("apps", ...assignments)).toThrow(ConfigError);
    expect(() => configOf("apps", ...assignments)).toThrow(says);
  });
});
