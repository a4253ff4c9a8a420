import { describe, expect, test } from "vitest";
import { untilRelaxed, type Answer } from "../../../live/gates/relaxed";

/** Waits on a clock of its own for nodes that answer one after another, the last answer for ever. */
async function wait(...answers: (readonly Answer[] | Error)[]) {
  let time = 0;
  let asked = 0;
  const ask = () => {
    const answer = answers[Math.min(asked++, answers.length - 1)] ?? [];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const pause = (milliseconds: number) => Promise.resolve((time += milliseconds));
  const warning = await untilRelaxed(ask, pause, () => time);
  return { warning, seconds: time / 1000 };
}

const node = (name: string, demanding: number): Answer => ({ node: name, demanding });
const silent = (name: string): Answer => ({ node: name, because: "no answer in time" });

describe("before Cilium stops to authenticate", () => {
  test("nobody waits where no node demands it, or Cilium runs on none", async () => {
    expect(await wait([node("a", 0), node("b", 0)])).toEqual({ warning: undefined, seconds: 0 });
    expect(await wait([])).toEqual({ warning: undefined, seconds: 0 });
  });

  test("the last node that demands it is waited for", async () => {
    const answers = [[node("a", 2), node("b", 1)], [node("a", 0), node("b", 1)], [node("b", 0)]];
    expect(await wait(...answers)).toEqual({ warning: undefined, seconds: 1 });
  });

  test("and not for longer than half a minute: then it goes on, and says which nodes may drop connections", async () => {
    const { warning, seconds } = await wait([node("a", 0), node("b", 3)]);
    expect(seconds).toBe(30);
    expect(warning).toMatch(
      /^After 30 s .*: b enforces 3 rules that demand it\. Going on\. There, new connections may/,
    );
  });

  test("who says nothing is waited for a few seconds, so that nothing that is broken holds up the way off", async () => {
    const { warning, seconds } = await wait([node("a", 0), silent("b")]);
    expect(seconds).toBe(5);
    expect(warning).toMatch(/: b cannot be asked \(no answer in time\)\. Going on/);
    const forbidden = await wait(new Error("the API server answered 403"));
    expect(forbidden.seconds).toBe(5);
    expect(forbidden.warning).toMatch(/every node cannot be asked \(the API server answered 403\)/);
  });

  test("of many nodes five are named, and the rest counted", async () => {
    const { warning } = await wait(Array.from({ length: 500 }, (_, i) => silent(`n${i}`)));
    expect(warning).toMatch(/: n0 .*; n4 cannot be asked \(no answer in time\) and 495 more\. /);
  });
});
