import { describe, expect, test } from "vitest";
import { firstAnswer } from "../../live/probes/readiness";
import { readinessOf, type Asked } from "../../live/readiness";

const now = 1_000;
const ok = (node: string) => ({ node, state: "Ok", message: "", unanswered: [] });
const identity = (number: number) => ({ number: `${number}`, namespace: "web" });

/** A cluster in which every pod can authenticate. */
const ready: Asked = {
  agents: [ok("a"), ok("b")],
  identities: [identity(1), identity(2)],
  entries: new Map([
    ["1", 100],
    ["2", 990],
  ]),
};
const judge = (change: Partial<Asked>) => readinessOf({ ...ready, ...change }, now);

describe("before a namespace demands authentication", () => {
  test("nothing is missing where every agent gets certificates and every identity has its entry", () => {
    expect(judge({})).toEqual({ lacks: [], unknown: [] });
    expect(judge({ agents: [], identities: [], entries: new Map() })).toEqual({ lacks: [], unknown: [] });
  });

  test("an agent that SPIRE gives no certificates is named with what it says", () => {
    const agents = [ok("a"), { ...ok("b"), state: "Failure", message: "no socket" }];
    expect(judge({ agents }).lacks).toEqual(["SPIRE gives no certificates to Cilium's agent on b (no socket)"]);
  });

  test("a node that does not answer another on the port of the handshake is named, and so is who could not be asked to try", () => {
    const agents = [
      { ...ok("a"), unanswered: ["10.0.0.2", "10.0.0.3"] },
      { ...ok("b"), unanswered: undefined },
    ];
    const { lacks, unknown } = judge({ agents });
    expect(lacks).toEqual([expect.stringMatching(/TCP 4250.* from a to 10\.0\.0\.2, 10\.0\.0\.3$/)]);
    expect(unknown).toEqual(["whether other nodes answer on the port of the handshake from b"]);
  });

  test("an identity without an entry is named with its namespace, and so is one whose entry agents may not know yet", () => {
    const says = (entries: Asked["entries"]) => judge({ entries }).lacks;
    const lacks = ["of 2 identities 1 have no entry in SPIRE that has settled: 2 (web)"];
    expect(says(new Map([["1", 100]]))).toEqual(lacks);
    const young = new Map(Object.entries({ 1: 100, 2: 991 }));
    expect(says(young)).toEqual(lacks);
  });

  test("who cannot be asked is no reason to wait, but is told", () => {
    const because = "the API server answered 403";
    const agents = [ok("a"), { node: "b", because }];
    expect(judge({ agents, entries: { because } })).toEqual({
      lacks: [],
      unknown: [
        `whether SPIRE gives certificates to Cilium's agent on b (${because})`,
        `whether each identity has its entry in SPIRE (${because})`,
      ],
    });
    expect(judge({ agents: { because }, identities: { because } }).unknown).toHaveLength(2);
  });

  test("of many, five are named and the rest counted", () => {
    const identities = Array.from({ length: 300 }, (_, i) => identity(i));
    expect(judge({ identities }).lacks.join()).toMatch(
      /^of 300 identities 298 .*: 0 \(web\), .*, 6 \(web\) and 293 more$/,
    );
  });
});

describe("of several servers of SPIRE", () => {
  const asking = (answers: Readonly<Record<string, string>>) => {
    const asked: string[] = [];
    const answer = firstAnswer(["spire-server-0", "spire-server-1"], (pod) => {
      asked.push(pod);
      const said = answers[pod];
      return said === undefined ? Promise.reject(new Error(`${pod} is away`)) : Promise.resolve(said);
    });
    return { asked, answer };
  };

  test("any is asked that answers", async () => {
    const { asked, answer } = asking({ "spire-server-1": "entries" });
    expect(await answer).toBe("entries");
    expect(asked).toEqual(["spire-server-0", "spire-server-1"]);
    const first = asking({ "spire-server-0": "entries" });
    await first.answer;
    expect(first.asked).toEqual(["spire-server-0"]);
  });

  test("none answers: the last one says why", async () => {
    await expect(asking({}).answer).rejects.toThrow("spire-server-1 is away");
  });
});
