import { describe, expect, test } from "vitest";
import type { Look } from "../../../live/probes/cilium";
import { untilRolled } from "../../../live/gates/rolled";

/** Waits on a clock of its own for what looks say one after another, the last one for ever. */
async function wait(looks: (index: number) => Look) {
  let time = 0;
  let index = 0;
  const told: string[] = [];
  const pause = (milliseconds: number) => Promise.resolve((time += milliseconds));
  const look = () => Promise.resolve(looks(index++));
  const warning = await untilRolled(
    look,
    (what) => told.push(what),
    pause,
    () => time,
  );
  return { warning, told, seconds: time / 1000 };
}

const rolls = (what?: string): Look => ({
  reachable: true,
  identity: "",
  cilium: "off",
  ...(what === undefined ? {} : { rolls: what }),
});
const unreadable: Look = { reachable: false, because: "the API server answered 403" };

describe("after Cilium's release", () => {
  test("nobody waits where its pods run what it says", async () => {
    expect(await wait(() => rolls())).toEqual({ warning: undefined, told: [], seconds: 0 });
  });

  test("its pods are waited for as long as there is progress, each step of which is told once", async () => {
    const pods = 10;
    const at = (index: number) => Math.floor(index / 60);
    const { warning, told, seconds } = await wait((i) =>
      rolls(at(i) < pods ? `rolled ${at(i)} of ${pods}` : undefined),
    );
    expect(warning).toBeUndefined();
    expect(told).toEqual(Array.from({ length: pods }, (_, i) => `rolled ${i} of ${pods}`));
    expect(seconds).toBe(600);
  });

  test("two minutes in which nothing changes are enough: then it goes on, and says what it waited for", async () => {
    const { warning, seconds } = await wait(() => rolls("rolled 1 of 2 pods"));
    expect(seconds).toBe(120);
    expect(warning).toBe("Cilium is not known to run as it is configured: rolled 1 of 2 pods. Going on.");
  });

  test("so is a quarter of an hour of back and forth", async () => {
    const { warning, seconds } = await wait((i) => rolls(`${i % 2} of 2 available`));
    expect(seconds).toBe(900);
    expect(warning).toMatch(/of 2 available/);
  });

  test("a cluster that cannot be read is asked again for seconds", async () => {
    expect(await wait((i) => (i === 0 ? unreadable : rolls()))).toMatchObject({ warning: undefined, seconds: 1 });
    expect(await wait(() => unreadable)).toEqual({
      warning: expect.stringContaining("answered 403") as string,
      told: [expect.stringContaining("answered 403")],
      seconds: 10,
    });
  });
});
