import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accessNews, packAccess, unpackAccess } from "../../program/lastAccess";
import { meeting } from "../support/calls";
import { intent } from "../support/intents";

const state = (intents = [intent("api")]) => ({ auth: true, phases: { orders: "require" as const }, intents });

describe("who had access after the last update", () => {
  test("comes out of the output as it went in, whatever the intents", () => {
    fc.assert(
      fc.property(meeting, (intents) => {
        expect(unpackAccess(JSON.parse(JSON.stringify(packAccess(state(intents)))))).toEqual(state(intents));
      }),
      { numRuns: 50 },
    );
  });

  test("takes little: a thousand intents in less than 20 KiB", () => {
    const callers = (i: number) => [{ namespace: `team-${i % 50}`, serviceAccount: `service-${i}` }];
    const many = Array.from({ length: 1000 }, (_, i) => intent(`service-${i}`, { callers: callers(i) }));
    expect(packAccess(state(many))?.length).toBeLessThan(20 * 1024);
  });

  test.each([
    ["none", undefined],
    ["no text", { auth: true }],
    ["no base64", "!!"],
    ["nothing compressed", Buffer.from("{}").toString("base64")],
    ["no JSON", gzipSync("{").toString("base64")],
    ["another form", gzipSync(`{"auth":true,"phases":{"orders":"strict"},"intents":[]}`).toString("base64")],
  ])("is not known from an output that is %s, which stops nothing", (_, output) => {
    expect(accessNews(false, output, state())).toBe(
      "Who gains or loses access by this update is not known: the last one did not record who had it",
    );
  });
});

describe("an update's news", () => {
  const web = (name: string) => ({ namespace: "web", serviceAccount: name });

  test("are none where nothing changes, and all that a first update does", () => {
    expect(accessNews(false, packAccess(state()), state())).toBeUndefined();
    expect(accessNews(true, undefined, state())).toBe(
      [
        "Who gains and who loses access by this update: 1 lost, 1 with another demand for authentication",
        "  - whoever is not named -> orders loses access: orders goes from off to require (auth is turned on)",
        "  ~ whoever is named -> orders must authenticate now: orders goes from off to require (auth is turned on)",
      ].join("\n"),
    );
  });

  test("are one line for all the namespaces that close", () => {
    const phases = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`team-${i}`, "allow" as const]));
    expect(accessNews(false, packAccess(state()), { ...state(), phases: { ...state().phases, ...phases } })).toBe(
      [
        "Who gains and who loses access by this update: 10 lost",
        "  - whoever is not named -> NAMESPACE loses access: NAMESPACE goes from off to allow " +
          "(NAMESPACE: team-0, team-1, team-2, team-3, team-4 and 5 more)",
      ].join("\n"),
    );
  });

  test("are so many lines at most", () => {
    const names = Array.from({ length: 30 }, (_, i) => web(`a${i}`));
    const lines = accessNews(
      false,
      packAccess(state()),
      state([intent("api", { callers: [web("frontend"), ...names] })]),
    );
    expect(lines?.split("\n")).toHaveLength(22);
    expect(lines).toMatch(/: 30 gained\n {2}\+ web\/a0 -> orders\/api:8080 gains access, authenticated: /);
    expect(lines).toMatch(/\n {2}and 10 more; npm run render -- --base REVISION shows all since a revision$/);
  });
});
