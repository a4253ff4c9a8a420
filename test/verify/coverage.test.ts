import fc from "fast-check";
import { expect, test } from "vitest";
import { Coverage } from "../../verify/coverage";

test("time counts while every server is connected and every node is heard, and what was not is named", () => {
  const coverage = new Coverage(["a", "b"], 0);
  coverage.up("a", 1_000);
  expect(coverage.seconds(5_000)).toBe(0);
  expect(coverage.silent).toBe("b is not connected yet");
  coverage.up("b", 5_000);
  expect(coverage.seconds(8_000)).toBe(3);
  coverage.down("node n", "n: away", 10_000);
  coverage.down("a", "a: gone", 11_000);
  coverage.up("node n", 12_000);
  expect(coverage.seconds(19_000)).toBe(5);
  expect(coverage.interruptions(19_000)).toEqual([{ from: 10_000, to: 19_000, because: "n: away" }]);
  coverage.up("a", 20_000);
  expect(coverage.silent).toBeUndefined();
  expect(coverage.seconds(21_000)).toBe(6);
  expect(coverage.interruptions(21_000)).toEqual([{ from: 10_000, to: 20_000, because: "n: away" }]);
});

test("what is seen and what is interrupted is all the time since everything was heard first", () => {
  const events = fc.array(
    fc.record({
      part: fc.constantFrom("a", "b", "node n"),
      up: fc.boolean(),
      after: fc.integer({ min: 0, max: 10 }).map((seconds) => seconds * 1000),
    }),
  );
  fc.assert(
    fc.property(events, (events) => {
      const coverage = new Coverage(["a", "b"], 0);
      coverage.up("a", 0);
      coverage.up("b", 0);
      let now = 0;
      for (const { part, up, after } of events) {
        now += after;
        if (up) coverage.up(part, now);
        else coverage.down(part, `${part} is away`, now);
      }
      const interrupted = coverage.interruptions(now).reduce((sum, { from, to }) => sum + to - from, 0);
      expect(coverage.seconds(now) * 1000 + interrupted).toBe(now);
    }),
  );
});
