import { describe, expect, test } from "vitest";
import { decideKnown, entersRequire } from "../../program/baseline";
import type { Look } from "../../live/probes/cilium";
import { previousFor } from "../../plan/origins";
import { readState, type RolloutState } from "../../core/rollout/state";
import { configOf } from "../support/stacks";

const on = configOf("apps");
const off = configOf("apps", "auth=false");
const state = previousFor("on", on).state as RolloutState;
const here = on.cluster.identity;
const away: Look = { reachable: false, because: "no answer in time" };
const authenticating: Look = { reachable: true, identity: here, cilium: "on" };
const waiting: Look = {
  reachable: true,
  identity: here,
  cilium: "rolling",
  waitsFor: "DaemonSet cilium has rolled 1 of 3 pods",
};
const elsewhere: Look = { reachable: true, identity: "another-cluster", cilium: "on" };

describe("what is known before an update", () => {
  test("is the recorded state, and that Cilium authenticates when the cluster shows it", () => {
    expect(decideKnown(on, state, authenticating, false)).toEqual({
      previous: { state, cilium: "on" },
      errors: [],
      notes: [],
    });
  });

  test("is on how many nodes Cilium runs, when the cluster shows it", () => {
    expect(decideKnown(on, state, { ...authenticating, nodes: 7 }, false).previous.nodes).toBe(7);
  });

  test("is not that Cilium authenticates, whatever was recorded, when the cluster shows that it does not", () => {
    const known = decideKnown(on, state, waiting, false);
    expect(known.previous.cilium).toBe("rolling");
    expect(known.notes.join()).toContain("rolled 1 of 3");
  });

  test("is not that Cilium authenticates right after an off, though its pods may not have rolled yet", () => {
    const afterOff = previousFor("off", on).state;
    for (const recorded of [undefined, afterOff])
      expect(decideKnown(on, recorded, authenticating, false).previous.cilium).not.toBe("on");
  });

  test("is not that Cilium authenticates while some pod could not, though Cilium itself is ready", () => {
    const lacks = ["of 9 identities 2 have no entry", "SPIRE gives no certificates to Cilium's agent on a"];
    const known = decideKnown(on, state, authenticating, false, { readiness: { lacks, unknown: [] } });
    expect(known.previous.cilium).toBe("rolling");
    expect(known.notes).toEqual([`Cilium does not authenticate everywhere yet: ${lacks.join("; ")}`]);
  });

  test("is that Cilium authenticates where nobody could say whether pods can, with what nobody could say", () => {
    const known = decideKnown(on, state, authenticating, false, {
      readiness: { lacks: [], unknown: ["whether it rains (403)"] },
    });
    expect(known.previous.cilium).toBe("on");
    expect(known.notes).toEqual([expect.stringMatching(/^Nobody could say whether it rains \(403\); /)]);
  });

  test("is told with who else has written what decides over Cilium's authentication, whether it is on or off", () => {
    for (const config of [on, off])
      expect(decideKnown(config, state, { ...authenticating, foreign: ["k9s wrote x"] }, false).notes).toContainEqual(
        expect.stringMatching(/^k9s wrote x, .*deliver them once more/),
      );
  });

  test("is told with what nobody is alerted of, which stops nothing", () => {
    const known = decideKnown(on, state, authenticating, false, { untold: ["a", "b"] });
    expect(known.errors).toEqual([]);
    expect(known.notes).toEqual([expect.stringMatching(/^No PrometheusRule alerts of a, or of b: /)]);
    expect(decideKnown(on, state, authenticating, false, { untold: { because: "403" } }).notes).toEqual([
      "Nobody could say which alerts there are (403)",
    ]);
  });

  test("is how many pods run where phases are skipped; where nobody could say, an update stops and a preview says so", () => {
    const pods = { orders: 0, shop: { because: "the API server answered 403" } };
    const update = decideKnown(on, undefined, authenticating, false, { pods });
    expect(update.previous.pods).toEqual({ orders: 0 });
    expect(update.errors).toEqual([
      expect.stringMatching(/whether pods run in shop \(.*403\).*let this kubeconfig list/),
    ]);
    const preview = decideKnown(on, undefined, authenticating, true, { pods });
    expect([preview.errors, preview.notes.length]).toEqual([[], 2]);
    expect(decideKnown(off, undefined, authenticating, false, { pods }).errors).toEqual([]);
    expect(decideKnown(off, { ...state, auth: false }, authenticating, false, { pods }).errors).toHaveLength(1);
    expect(
      decideKnown(configOf("apps", "rollout.phases.orders=allow"), undefined, away, false).errors.join(),
    ).toContain("whether pods run, and orders may not go on without");
  });

  test("is asked of pods only where a namespace may get to require", () => {
    const { phases } = state;
    const lower = { ...state, phases: { ...phases, orders: "allow" as const } };
    expect(entersRequire(on, lower)).toBe(true);
    expect(entersRequire(on, state)).toBe(false);
    expect(entersRequire(off, lower)).toBe(false);
    for (const recorded of [undefined, { ...lower, auth: false }]) expect(entersRequire(on, recorded)).toBe(false);
  });

  test("stops an update to require when nobody can tell, and says what would help", () => {
    const { errors } = decideKnown(on, state, away, false);
    expect(errors).toEqual([
      expect.stringMatching(/no answer in time.*orders.*read access to.*cilium-config/) as string,
    ]);
  });

  test("goes by the record in a preview without access, and says so", () => {
    const known = decideKnown(on, state, away, true);
    expect(known).toMatchObject({ previous: { cilium: "on" }, errors: [] });
    expect(known.notes.join()).toContain("goes by what the last update recorded");
    expect(decideKnown(on, undefined, away, true).previous.cilium).not.toBe("on");
  });

  test("stops every update, off included, on another cluster than the stack's own", () => {
    for (const config of [on, off])
      expect(decideKnown(config, state, elsewhere, false).errors).toEqual([
        expect.stringContaining("another-cluster") as string,
      ]);
  });

  test.each([
    ["an unreachable cluster", away],
    ["a Cilium that does not authenticate", waiting],
    ["a Cilium that does", authenticating],
  ])("lets nothing hold up the way off: %s", (_, look) => {
    for (const preview of [true, false]) expect(decideKnown(off, state, look, preview).errors).toEqual([]);
  });
});

describe("a recorded state", () => {
  test("is read back from the output that holds it", () => {
    expect(readState(JSON.parse(JSON.stringify(state)))).toEqual(state);
  });

  test.each([undefined, null, "x", {}, { auth: "true" }, { ...state, phases: { a: "enforce" } }])(
    "%j is none",
    (output) => {
      expect(readState(output)).toBeUndefined();
    },
  );
});
