import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyIntents, goTogether, stackValues } from "../support/arbitrary";
import { intent, problemsOf } from "../support/intents";

const said = (access: readonly object[]) => problemsOf(access).map(({ key, problem }) => `${key} ${problem}`);
const why = "it must work when nothing else does";

describe("intents", () => {
  const on = (selector: object, port = 8080, namespace = "orders") => ({ target: { namespace, selector }, port });
  const asked = { namespace: "web", serviceAccount: "a" };
  const exempt = { ...asked, withoutAuthentication: why };

  test("on one port with selectors that may select the same pod are refused at the later, with what to write", () => {
    const problems = problemsOf([intent("api"), intent("web", on({ tier: "web" }))]);
    expect(problems).toEqual([
      {
        key: "zero-trust:access[1].target.selector",
        problem: 'is {"tier":"web"}',
        allowed: expect.stringMatching(
          /^the selector of access\[0\] \(api\), or one that wants another value/,
        ) as string,
        fix: `pulumi config set --stack apps --path 'zero-trust:access[1].target.selector' '{"app":"api"}'`,
      },
    ]);
    expect(said([intent("web", on({ app: "api", tier: "web" })), intent("api"), intent("again")])).toEqual([
      'zero-trust:access[1].target.selector is {"app":"api"}',
    ]);
  });

  test.each([
    ["with different values of a label", on({ app: "web", tier: "x" })],
    ["with the same selector", on({ app: "api" })],
    ["on another port", on({ tier: "web" }, 9090)],
    ["of another namespace", on({ tier: "web" }, 8080, "shop")],
  ])("%s may be side by side", (_, other) => {
    const rollout = { phases: { orders: "require", shop: "require" } };
    expect(problemsOf([intent("api"), intent("web", other)], { rollout })).toEqual([]);
  });

  test.each([
    ["in one intent", [{ callers: [asked, exempt] }], 0, 1, "the same caller"],
    ["in another intent", [{ callers: [asked] }, { callers: [exempt] }], 1, 0, "the same caller"],
    ["in an earlier one", [{ callers: [exempt] }, { callers: [asked] }], 0, 0, "the same caller"],
    [
      "for whose whole namespace it is demanded",
      [{ callers: [exempt] }, { callers: [{ namespace: "web", serviceAccount: "*" }] }],
      0,
      0,
      "every workload of web",
    ],
  ])("cannot ask a caller to authenticate that is exempt %s", (_, intents, i, k, who) => {
    const problems = problemsOf(intents.map((callers, n) => intent(`api-${n}`, callers)));
    expect(problems).toEqual([
      {
        key: `zero-trust:access[${i}].callers[${k}].withoutAuthentication`,
        problem: `is "${why}"`,
        allowed: expect.stringContaining(`demands authentication of ${who} on the same port`) as string,
        fix: expect.stringContaining("pulumi config rm") as string,
      },
    ]);
  });

  test("may exempt a whole namespace but for one caller, and a caller on one port but not on another", () => {
    const whole = { namespace: "web", serviceAccount: "*", withoutAuthentication: why };
    expect(said([intent("a", { callers: [whole, asked] })])).toEqual([]);
    expect(said([intent("a", { callers: [asked] }), intent("b", { callers: [exempt], port: 9090 })])).toEqual([]);
    expect(said([intent("a", { callers: [asked, asked] })])).toEqual([]);
  });

  test("that do not go together hold nothing up where authentication is off: that must always work", () => {
    const access = [intent("a", { callers: [asked, exempt] }), intent("b", on({ tier: "x" }))];
    expect(problemsOf(access)).toHaveLength(2);
    expect(problemsOf(access, { auth: false })).toEqual([]);
  });

  test(
    "are refused exactly where comparing every two of them finds some that do not go together",
    { timeout: 30_000 },
    () => {
      const phases = { xa: "allow", xb: "allow" };
      fc.assert(
        fc.property(anyIntents(["xa", "xb"]), (access) => {
          const problems = problemsOf(access, { rollout: { phases } });
          const together = access.every((a) => access.every((b) => goTogether(a, b)));
          expect(problems.length === 0).toBe(together);
        }),
        { numRuns: 300 },
      );
    },
  );

  test("of the random configurations that tests use have every form of caller and operation", () => {
    const seen = JSON.stringify(fc.sample(stackValues, 300).map(({ access }) => access));
    for (const form of ["entity", "cidr", "reason", "withoutAuthentication", '"*"', "methods", "exact", "prefix"])
      expect(seen).toContain(form);
  });
});
