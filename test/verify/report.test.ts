import fc from "fast-check";
import { load } from "js-yaml";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../config/load";
import type { Intent } from "../../core/schema/schema";
import { readStackFile } from "../../config/stackFile";
import { evidenceSchema, fingerprintOf, type Evidence } from "../../core/rollout/evidence";
import { callerOf, type Caller } from "../../verify/calls";
import type { State } from "../../verify/cluster";
import { evidenceOf, linesOf, resumable, seenOf } from "../../verify/report";
import { suggest } from "../../verify/suggest";
import type { Seen } from "../../verify/tally";
import { Watch } from "../../verify/watch";
import { configOf, root } from "../support/stacks";
import { flow, reserved } from "./flows";

const intents = configOf("apps").access;
const rules = { namespace: "orders", intents, registered: undefined };
const seen = (from: Caller, overrides: Partial<Seen> = {}): Seen => ({
  from,
  to: { app: "api" },
  port: 8080,
  protocol: "TCP",
  flows: 1,
  authenticated: 0,
  open: 0,
  job: false,
  first: 1000,
  last: 2000,
  ...overrides,
});
const world = (address: string): Caller => ({ entities: ["world"], address });

describe("callers outside the cluster", () => {
  const all = ["192.0.2.1", "192.0.2.2", "203.0.113.1"].map((address) => seen(world(address)));
  const open: Intent = { ...intents[0]!, callers: [{ cidr: "192.0.2.0/24" }] };

  test("are judged one by one, and counted by what becomes of them", () => {
    const lines = linesOf(all, { ...rules, intents: [open] }, { addresses: false });
    expect(lines.map(({ verdict, addresses, flows }) => [verdict, addresses, flows])).toEqual([
      ["cut off", 1, 1],
      ["without authentication", 2, 2],
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/192\.0\.2|203\.0/);
  });

  test("are listed where that is wanted", () => {
    const lines = linesOf(all, { ...rules, intents: [open] }, { addresses: true });
    expect(lines.map(({ from }) => "address" in from && from.address)).toEqual([
      "203.0.113.1",
      "192.0.2.1",
      "192.0.2.2",
    ]);
  });

  test("stay as they were judged in a window that goes on", () => {
    const before = linesOf(all, { ...rules, intents: [open] }, { addresses: false });
    expect(before.flatMap((line) => seenOf(line) ?? [])).toEqual([]);
    const later = seen(world("192.0.2.9"), { first: 3000, last: 3000 });
    const lines = linesOf([later], { ...rules, intents: [open] }, { addresses: false, before });
    expect(lines[1]).toMatchObject({ first: new Date(1000).toISOString(), last: new Date(3000).toISOString() });
    expect(lines.map(({ verdict, flows }) => [verdict, flows])).toEqual([
      ["cut off", 1],
      ["without authentication", 3],
    ]);
  });
});

const callers: fc.Arbitrary<Caller> = fc.oneof(
  fc.record({ namespace: fc.constantFrom("web", "jobs"), serviceAccount: fc.constantFrom("frontend", "x") }),
  fc.constantFrom(
    ...["host", "remote-node", "kube-apiserver", "ingress", "world", "init"].map((name) =>
      callerOf([`reserved:${name}`], "192.0.2.7"),
    ),
  ),
);
const sightings = fc.uniqueArray(
  fc
    .record({
      from: callers,
      to: fc.constantFrom({ app: "api" }, { app: "db" }, { app: "db", tier: "x" }),
      port: fc.constantFrom(80, 8080),
    })
    .map(({ from, ...rest }) => seen(from, rest)),
  { selector: (one) => JSON.stringify(one) },
);

test("a line is read again as it was seen, and the lines are the same in any order", () => {
  fc.assert(
    fc.property(
      sightings.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
      ([all, shuffled]) => {
        const lines = linesOf(all, rules, { addresses: true });
        expect(linesOf(shuffled, rules, { addresses: true })).toEqual(lines);
        expect(
          linesOf(
            lines.flatMap((line) => seenOf(line) ?? []),
            rules,
            { addresses: true },
          ),
        ).toEqual(lines);
      },
    ),
  );
});

test("with the intents that are suggested, the configuration loads and nobody is cut off whom an intent can name", () => {
  const given = readStackFile(root, "apps");
  fc.assert(
    fc.property(
      // Pods of one port with one selector each: two that could select the same pod are refused, which is for people to settle.
      sightings.map((all) => all.filter(({ to }) => !("tier" in to))),
      (all) => {
        const missing = suggest(linesOf(all, rules, { addresses: true }), intents, "orders");
        const suggested = (load(missing) ?? []) as object[];
        const { access } = loadConfig({ ...given, access: [...(given["access"] as object[]), ...suggested] }, "apps");
        const left = linesOf(all, { ...rules, intents: access }, { addresses: true }).filter(
          ({ verdict }) => verdict === "cut off",
        );
        expect(left.filter(({ from }) => !("entities" in from) || from.entities.length > 0)).toEqual([]);
      },
    ),
    { numRuns: 30 },
  );
});

describe("a suggested intent", () => {
  const stranger = (to: Record<string, string>) => seen({ namespace: "web", serviceAccount: "stranger" }, { to });
  const suggested = (access: readonly Intent[], ...all: Seen[]) =>
    load(suggest(linesOf(all, rules, { addresses: false }), access, "orders")) as Intent[];

  test("has the selector of the intent that is there for the same pods and port, beside which another is refused", () => {
    const [added] = suggested(intents, stranger({ app: "api", tier: "x" }));
    expect(added?.target.selector).toEqual({ app: "api" });
  });

  test("has a name that no other has", () => {
    const taken = { ...intents[0]!, name: "db-8080" };
    const added = suggested([taken], stranger({ app: "db" }), stranger({ app: "d.b" }), stranger({ app: "d-b" }));
    expect(added.map(({ name }) => name).sort()).toEqual(["d-b-8080", "d-b-8080-2", "db-8080-2"]);
  });

  test("is one for all that call the same target and port", () => {
    const other = seen({ namespace: "jobs", serviceAccount: "x" }, { to: { app: "db" } });
    expect(suggested(intents, stranger({ app: "db" }), other).map(({ callers }) => callers.length)).toEqual([2]);
  });
});

test("what no intent can settle is said as a comment: UDP, and everybody outside without an address", () => {
  const lines = linesOf(
    [seen(world("192.0.2.7")), seen({ namespace: "web", serviceAccount: "frontend" }, { protocol: "UDP", port: 53 })],
    rules,
    { addresses: false },
  );
  const text = suggest(lines, intents, "orders");
  expect(load(text)).toBeNull();
  expect(text).toContain(
    "# not by an intent alone: world to app=api, TCP port 8080: no intent names it: it is outside the cluster\n",
  );
  expect(text).toContain(
    "# not by an intent alone: web/frontend to app=api, UDP port 53: it is UDP, and intents are about TCP alone\n",
  );
});

describe("evidence", () => {
  const state: State = { pods: [], registered: undefined, policies: [], open: [], unknown: [] };
  /** A watch over four seconds, in which web/frontend called once. */
  function gathered(
    overrides: { state?: Partial<State>; resumed?: Evidence; earlier?: Evidence; wanted?: number } = {},
  ) {
    let now = 0;
    const watch = new Watch("orders", ["server"], () => now);
    const listener = watch.listenerOf("server");
    listener.up();
    listener.node("node1", "heard", "");
    listener.flow(flow());
    listener.lost(2);
    now = 4000;
    return evidenceOf({
      stack: "apps",
      namespace: "orders",
      intents,
      window: { wanted: overrides.wanted ?? 10, started: 0, resumed: overrides.resumed },
      watch,
      state: { ...state, ...overrides.state },
      earlier: overrides.earlier,
      addresses: false,
    });
  }

  test("is what the file may have", () => {
    expect(evidenceSchema.parse(gathered())).toEqual(gathered());
    expect(gathered()).toMatchObject({
      window: { wanted: 10, seen: 4, complete: false },
      flows: 1,
      lost: { events: 2 },
      nodes: { heard: ["node1"], missing: [] },
    });
  });

  test("does not count the time after the last flow was read", () => {
    let now = 0;
    const watch = new Watch("orders", ["server"], () => now);
    watch.listenerOf("server").up();
    now = 3000;
    watch.end();
    now = 9000;
    expect(watch.coverage.seconds(watch.now())).toBe(3);
  });

  test("names the nodes with pods of the namespace that were not heard", () => {
    const pods = ["node1", "node2"].map((node) => ({ node, addresses: [], labels: {} }));
    expect(gathered({ state: { pods } }).nodes).toEqual({ heard: ["node1"], missing: ["node2"] });
  });

  test("has callers whose connections were open and began before", () => {
    const open = [
      { from: { namespace: "old", serviceAccount: "x" }, to: { app: "api" }, port: 8080, protocol: "TCP" as const },
    ];
    expect(gathered({ state: { open: [...open, ...open] } }).callers[0]).toMatchObject({
      verdict: "cut off",
      flows: 0,
      open: 2,
    });
  });

  test("goes on with an unfinished file, adding what it has, and ends once the window is over", () => {
    const resumed = gathered();
    const second = gathered({ resumed });
    expect(second).toMatchObject({ window: { seen: 8, complete: false }, flows: 2, lost: { events: 4 } });
    expect(second.callers.map(({ flows }) => flows)).toEqual([2]);
    expect(gathered({ resumed: second }).window).toMatchObject({ seen: 10, complete: true });
  });

  test("goes on only by the same intents, for as long a window, and where it has not ended", () => {
    const unfinished = gathered();
    const hash = fingerprintOf(intents);
    expect(resumable(unfinished, hash, 10)).toBe(unfinished);
    expect(resumable(unfinished, "0".repeat(16), 10)).toBeUndefined();
    expect(resumable(unfinished, hash, 11)).toBeUndefined();
    expect(resumable(gathered({ wanted: 4 }), hash, 4)).toBeUndefined();
    expect(resumable(undefined, hash, 10)).toBeUndefined();
  });

  test("keeps the words of a reviewer about a loss while there is one", () => {
    const acknowledged = "a scan of the whole network";
    const earlier = { ...gathered(), lost: { events: 1, acknowledged } };
    expect(gathered({ earlier }).lost).toEqual({ events: 2, acknowledged });
  });

  test("has nothing of calls to what is not in the namespace", () => {
    const watch = new Watch("orders", ["server"], () => 0);
    watch.listenerOf("server").flow(flow({ destination: reserved("world") }));
    expect(watch.flows).toBe(0);
  });
});
