import { expect, test } from "vitest";
import { progressOf } from "../../../cli/verify/callersView";
import { Watch } from "../../../verify/watch";
import { flow } from "../../verify/flows";

test("while it runs, one line says how far it is, what was seen, and what it waits for", () => {
  let now = 0;
  const watch = new Watch("orders", ["server"], () => now);
  const listener = watch.listenerOf("server");
  expect(progressOf(watch, undefined)).toBe("0 flows, 0 callers, 0 events lost; waiting: server is not connected yet");
  listener.up();
  listener.flow(flow());
  listener.flow(flow());
  listener.lost(3);
  now = 65_000;
  const window = { wanted: 86_400, before: 3600 };
  expect(progressOf(watch, window)).toBe("1 h 1 min 5 s of 24 h, 2 flows, 1 callers, 3 events lost");
  listener.node("node2", "silent", "away");
  expect(progressOf(watch, window)).toMatch(/; waiting: node2: away$/);
});
