import { describe, expect, test } from "vitest";
import { limits, readFlows, type Listener, type Request } from "../../verify/hubble";
import { flow } from "./flows";
import { lost, nodes, withHubble, type FakeHubble } from "./fakeHubble";

const at = (seconds: number, uuid: string) => flow({ time: { seconds, nanos: 0 }, uuid });
const request: Request = { namespace: "orders", follow: true, since: 1_000_000_500 };

/** Reads until `done` is said, and tells what was said, in order. */
async function listen(
  hubble: FakeHubble,
  { last = "", ...asked }: Partial<Request> & { last?: string } = {},
  onDown = () => Promise.resolve(),
) {
  const said: string[] = [];
  const pauses: number[] = [];
  const ended = new AbortController();
  const say = (what: string) => {
    said.push(what);
    if (what === last) ended.abort();
  };
  const listener: Listener = {
    flow: ({ uuid }) => say(`flow ${uuid}`),
    lost: (events) => say(`lost ${events}`),
    node: (name, state) => say(`${name} ${state}`),
    up: () => say("up"),
    down: (because) => say(`down: ${because}`),
  };
  const pause = async (milliseconds: number) => {
    pauses.push(milliseconds);
    await onDown();
  };
  const failure = await readFlows(
    { name: "SERVER", address: hubble.server },
    { ...request, ...asked },
    listener,
    ended.signal,
    pause,
  ).then(
    () => undefined,
    (error: Error) => error.message,
  );
  return { said: said.filter((what) => !/^node1 heard$/.test(what)), pauses, failure };
}

describe("Hubble's flows are read", () => {
  test("as they come, with what was lost and what becomes of nodes", () =>
    withHubble(
      (stream) =>
        stream.send(
          nodes("NODE_CONNECTED", "node1", "node2"),
          at(1, "a"),
          lost(7),
          nodes("NODE_UNAVAILABLE", "node2"),
          nodes("NODE_GONE", "node2"),
          at(2, "b"),
        ),
      async (hubble) => {
        const { said, failure } = await listen(hubble, { last: "flow b" });
        expect(failure).toBeUndefined();
        expect(said).toEqual(["up", "node2 heard", "flow a", "lost 7", "node2 silent", "node2 gone", "flow b"]);
      },
    ));

  test("to the pods of the namespace alone, from the given moment on", () =>
    withHubble(
      (stream) => stream.send(at(1, "a")),
      async (hubble) => {
        await listen(hubble, { last: "flow a" });
        const [asked] = hubble.asked;
        expect(asked).toMatchObject({ follow: true, since: { seconds: 1_000_000, nanos: 500_000_000 } });
        expect(asked?.whitelist.length).toBeGreaterThan(0);
        for (const filter of asked?.whitelist ?? []) expect(filter.destination_pod).toEqual(["orders/"]);
      },
    ));

  test("from now on, where no moment is given: not what Hubble overwrites while it is read", () =>
    withHubble(
      (stream) => stream.send(at(1, "a")),
      async (hubble) => {
        await listen(hubble, { since: undefined, last: "flow a" });
        expect(hubble.asked[0]?.since).toBeNull();
      },
    ));

  test("to the end of what there is, where nobody wants to wait", () =>
    withHubble(
      (stream) => {
        stream.send(at(1, "a"), at(2, "b"));
        stream.end();
      },
      async (hubble) => {
        const { said, failure } = await listen(hubble, { follow: false });
        expect(failure).toBeUndefined();
        expect(said).toEqual(["up", "flow a", "flow b"]);
        expect(hubble.asked[0]?.follow).toBe(false);
      },
    ));
});

describe("a connection that is lost", () => {
  test("is made anew where it was, and a flow that comes again counts once", () => {
    const late = 2_000_000;
    return withHubble(
      (stream, index) => {
        if (index === 0) {
          stream.send(at(late, "a"), at(late + 1, "b"));
          stream.end();
        } else stream.send(at(late + 1, "b"), at(late + 2, "c"));
      },
      async (hubble) => {
        const { said, failure } = await listen(hubble, { last: "flow c" });
        expect(failure).toBeUndefined();
        expect(said).toEqual(["up", "flow a", "flow b", "down: SERVER has ended the stream", "up", "flow c"]);
        expect(hubble.asked[1]?.since?.seconds).toBe(late + 1 - limits.overlap / 1000);
      },
    );
  });

  test("is told with its reason, and again where a node has failed, which the relay would leave", () =>
    withHubble(
      (stream, index) => stream.send(...(index === 0 ? [nodes("NODE_ERROR", "node2")] : [at(1, "a")])),
      async (hubble) => {
        const { said } = await listen(hubble, { last: "flow a" });
        expect(said).toEqual([
          "up",
          "node2 silent",
          "down: SERVER has no more flows of node2: Hubble's relay cannot reach it",
          "up",
          "flow a",
        ]);
      },
    ));

  test("is tried again after pauses that grow, while the server is away, and then goes on", () => {
    let away = 0;
    return withHubble(
      (stream, index) => {
        stream.send(at(1, index === 0 ? "a" : "b"));
        if (index === 0) stream.end();
      },
      async (hubble) => {
        const { said, pauses, failure } = await listen(hubble, { last: "flow b" }, async () => {
          away++;
          if (away === 1) hubble.stop();
          if (away === 3) await hubble.listen();
        });
        expect(failure).toBeUndefined();
        expect(pauses).toEqual([limits.pause, limits.pause * 2, limits.pause * 4]);
        expect(said.filter((what) => what.startsWith("down"))).toEqual([
          "down: SERVER has ended the stream",
          "down: SERVER cannot be reached",
          "down: SERVER cannot be reached",
        ]);
        expect(said.at(-1)).toBe("flow b");
      },
    );
  });

  test("is given up in the end, and so is a server that was never there", () =>
    withHubble(
      (stream) => stream.end(),
      async (hubble) => {
        const { pauses, failure } = await listen(hubble, {}, () => Promise.resolve(hubble.stop()));
        expect(failure).toBe("SERVER is gone since 10 min: it cannot be reached");
        expect(Math.max(...pauses)).toBe(limits.longestPause);
        expect((await listen(hubble)).failure).toBe("SERVER cannot be reached");
      },
    ));

  test("is given up as well where a server takes every stream and ends it without a word", () =>
    withHubble(
      (stream) => stream.fail(14, "no peers"),
      async (hubble) => {
        const { failure } = await listen(hubble);
        expect(failure).toBe("SERVER is gone since 10 min: it has failed: no peers");
      },
    ));

  test.each([
    ["is no Hubble", 12, "unknown service"],
    ["refuses", 7, "not for you"],
  ])("is not tried again where the server %s", (_, code, details) =>
    withHubble(
      (stream) => stream.fail(code, details),
      async (hubble) => {
        const { failure, pauses } = await listen(hubble);
        expect({ failure, pauses }).toEqual({ failure: `SERVER does not answer: ${details}`, pauses: [] });
      },
    ),
  );
});
