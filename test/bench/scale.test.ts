import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { afterAway, allAtOnce, renewedAfter, type Fleet } from "../../bench/renewals";
import { loadOf, publishedFor, sizeFor } from "../../bench/scaleModel";
import { atLimits, scalePage } from "../../bench/scalePage";
import { spireSizeNames } from "../../core/schema/spireSizes";
import { sized } from "../../components/spire/sizes";

const hour = 3600;
const average = ({ nodes, identities, ttl }: Pick<Fleet, "nodes" | "identities" | "ttl">) =>
  (nodes * identities) / renewedAfter(ttl);

/** Clusters whose servers can sign a multiple of what there is to renew on average, but no less than one SVID a second for each node: agents do not wait for longer than thirty. */
const fleets = (least: number, most: number) =>
  fc
    .record({
      nodes: fc.integer({ min: 1, max: 200 }),
      identities: fc.integer({ min: 1, max: 700 }),
      ttl: fc.integer({ min: 1, max: 4 }).map((hours) => hours * hour),
      multiple: fc.double({ min: least, max: most, noNaN: true }),
    })
    .map(({ multiple, ...cluster }): Fleet => ({
      ...cluster,
      capacity: Math.max(multiple * average(cluster), cluster.nodes),
      processor: 1000,
    }));
const few = { numRuns: 10 };

describe("renewals, simulated", () => {
  test("are as many as the average says, where the servers have been there all the time and have enough", () => {
    fc.assert(
      fc.property(
        fleets(100, 1000).filter(({ nodes, identities }) => nodes * identities > 5000),
        (fleet) => {
          const { signed, failed, expired } = afterAway(fleet, 0);
          expect(signed / ((average(fleet) * fleet.ttl) / 2)).toBeCloseTo(1, 1);
          expect([failed, expired]).toEqual([0, expect.any(Number)]);
          expect(expired).toBeLessThanOrEqual(0);
        },
      ),
      few,
    );
  });

  test("of servers that can sign four times the average let nothing expire, nor after they were away for a quarter of an SVID's life", () => {
    fc.assert(
      fc.property(fleets(4, 100), (fleet) => {
        expect(afterAway(fleet, fleet.ttl / 4).expired).toBeLessThanOrEqual(0);
      }),
      few,
    );
  });

  test("let some expire where the servers sign less than the average", () => {
    fc.assert(
      fc.property(fleets(1, 1), (fleet) => {
        const starved = { ...fleet, capacity: average(fleet) / 2 };
        expect(afterAway(starved, fleet.ttl / 2).expired).toBeGreaterThan(0);
      }),
      few,
    );
  });

  test("come in a wave of many times the average where all agents have started at once: the jitter of each draws them together", () => {
    const fleet = { nodes: 200, identities: 1000, ttl: 4 * hour, capacity: 1e6, processor: 1e6 };
    const { peak, complete } = allAtOnce(fleet);
    expect(peak).toBeGreaterThan(10 * average(fleet));
    expect(complete).toBeLessThan(30);
  });

  test("are the same each time", () => {
    const fleet = { nodes: 30, identities: 200, ttl: hour, capacity: 50, processor: 50 };
    expect(allAtOnce(fleet)).toEqual(allAtOnce(fleet));
  });
});

describe("what a cluster is for its SPIRE", () => {
  test("grows with nodes times identities, and a longer life divides it", () => {
    const cluster = { nodes: 1000, identities: 500, ttl: 4 * hour };
    const { signed } = loadOf(cluster);
    expect(signed).toBeCloseTo(average(cluster));
    expect(loadOf({ ...cluster, nodes: 2000 }).signed).toBeCloseTo(2 * signed);
    expect(loadOf({ ...cluster, ttl: 8 * hour }).signed).toBeLessThan(0.55 * signed);
  });

  test("has a published figure within SPIRE's table, and none beyond it", () => {
    expect(publishedFor({ nodes: 300, identities: 90, ttl: hour })).toEqual({ servers: 2, cores: 8, memory: 8 });
    expect(publishedFor({ nodes: 6000, identities: 90, ttl: hour })).toBeUndefined();
    expect(publishedFor({ nodes: 300, identities: 20_000, ttl: hour })).toBeUndefined();
  });

  test("is of the smallest size that is for its nodes and for its identities", () => {
    expect(sizeFor({ nodes: 50, identities: 10, ttl: hour })).toBe("small");
    expect(sizeFor({ nodes: 51, identities: 10, ttl: hour })).toBe("medium");
    expect(sizeFor({ nodes: 50_000, identities: 10, ttl: hour })).toBeUndefined();
  });
});

describe.each(spireSizeNames)(
  "the size %s, at its limits, with the lifetimes that are the default, one of several servers being away",
  (size) => {
    const { cluster, servers, reserved, memoryLimit, fleet } = atLimits(size);
    const { processors, memory } = loadOf(cluster, servers);

    test("has processors reserved for what there is on average", () => {
      expect(processors.signing + processors.rest).toBeLessThan(reserved);
    });

    test("has twice the memory that a server was measured to take", () => {
      expect(memoryLimit).toBeGreaterThan(2 * memory);
    });

    test("lets nothing expire, neither when all agents start at once nor after an hour without servers, and every node has all within half an hour", () => {
      const start = allAtOnce(fleet);
      expect(start.complete).toBeLessThan(hour / 2);
      expect([start.expired, afterAway(fleet, hour).expired]).toEqual([0, 0]);
    });

    test("has all agents replaced while an update waits, at ten seconds each", () => {
      const { atOnce } = sized({ size });
      const share = typeof atOnce === "number" ? atOnce / cluster.nodes : Number.parseInt(atOnce) / 100;
      expect(10 / share).toBeLessThan(600);
    });
  },
);

test("docs/scale.md is what npm run bench:scale writes", () => {
  expect(readFileSync("docs/scale.md", "utf8")).toBe(scalePage());
});
