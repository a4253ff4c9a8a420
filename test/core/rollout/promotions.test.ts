import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../config/load";
import { phases, type Phase, type StackConfig } from "../../../core/schema/schema";
import { plan } from "../../../plan/plan";
import { askPods } from "../../../live/probes/pods";
import { isEmpty, jumps, promotionsOf } from "../../../core/rollout/promotions";
import type { RolloutState } from "../../../core/rollout/state";
import { cluster, runningIn, withCluster } from "../../support/fakeCluster";
import { configOf, root } from "../../support/stacks";
import { readStackFile } from "../../../config/stackFile";

const withPhases = (phases: Readonly<Record<string, Phase>>, auth = true): StackConfig => {
  const values = readStackFile(root, "apps", [`auth=${auth}`, "rollout.greenfield=[]", "access=[]"]);
  return loadConfig({ ...values, rollout: { phases } }, "apps");
};
const after = (config: StackConfig, before?: RolloutState) =>
  plan(config, { cilium: config.auth ? "on" : "off", ...(before ? { state: before } : {}) }).outputs.rollout;
const phase = fc.constantFrom(...phases);

describe("a promotion", () => {
  test("is every phase further than a namespace has come, and how far that is", () => {
    const before = after(withPhases({ orders: "observe", shop: "require" }));
    expect(promotionsOf(withPhases({ orders: "require", shop: "off", web: "observe" }), before)).toEqual([
      { namespace: "orders", from: "observe", to: "require", steps: 2 },
      { namespace: "web", from: "off", to: "observe", steps: 1 },
    ]);
  });

  test("is not what an off took away: however often the flag is turned, a namespace keeps what it has earned", () => {
    fc.assert(
      fc.property(phase, fc.array(fc.boolean()), (phase, flags) => {
        const first = after(withPhases({ orders: phase }));
        const last = flags.reduce((state, auth) => after(withPhases({ orders: phase }, auth), state), first);
        expect(promotionsOf(withPhases({ orders: phase }), last)).toEqual([]);
      }),
    );
  });

  test("is whatever was only written while authentication was off, since nothing had to prove it", () => {
    const off = after(withPhases({ orders: "allow" }, false), after(withPhases({ orders: "allow" })));
    const written = after(withPhases({ orders: "require" }, false), off);
    expect(promotionsOf(withPhases({ orders: "require" }), written)).toMatchObject([{ from: "allow", to: "require" }]);
  });

  test("back is none, and costs what had been earned", () => {
    const back = after(withPhases({ orders: "observe" }), after(withPhases({ orders: "require" })));
    expect(promotionsOf(withPhases({ orders: "require" }), back)).toMatchObject([{ steps: 2 }]);
  });
});

test("each off is counted once, and nothing else is", () => {
  const flags = [false, true, true, false, false, true, false];
  const states = flags.reduce<RolloutState[]>((all, auth) => [...all, after(withPhases({}, auth), all.at(-1))], []);
  expect(states.map(({ offs }) => offs)).toEqual([0, 0, 0, 1, 1, 1, 2]);
});

describe("a namespace that is said to have no pods", () => {
  const config = configOf("apps");

  test("is looked at when it goes to require or skips a phase, and not afterwards", () => {
    expect(jumps(config, undefined)).toEqual(["orders"]);
    expect(jumps(config, after(config))).toEqual([]);
    expect(jumps(configOf("apps", "rollout.phases.orders=observe"), undefined)).toEqual([]);
  });

  test("is empty where no pod runs in it, and nobody knows where nobody could look", async () => {
    const answers = {
      ...cluster({ authenticating: true }),
      [runningIn("shop")]: { items: [{ metadata: { name: "a" } }, { metadata: { name: "b" } }] },
      [runningIn("web")]: 403,
    };
    const found = await withCluster(answers, ["apps"], () => askPods(config.cluster, ["orders", "shop", "web"]));
    expect(found).toEqual({ orders: 0, shop: 2, web: { because: "the API server answered 403" } });
    expect(isEmpty(config, { pods: { orders: 0 } }, "orders")).toBe(true);
    expect(isEmpty(config, { pods: { orders: 2 } }, "orders")).toBe(false);
    expect(isEmpty(config, {}, "orders")).toBe("unknown");
    expect(isEmpty(config, { pods: { web: 0 } }, "web")).toBe(false);
  });
});
