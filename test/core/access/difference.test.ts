import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, type Call, type Peer } from "../../../core/access/decide";
import { difference, noState, type AccessState, type Change } from "../../../core/access/difference";
import { permits, type HttpRequest } from "../../../core/access/operations";
import { isInNetwork } from "../../../core/util/network";
import type { Intent, Operation, Phase } from "../../../core/schema/schema";
import { goTogether } from "../../support/arbitrary";
import { calls, meeting } from "../../support/calls";
import { intent } from "../../support/intents";

const state = (intents: readonly Intent[], phase: Phase = "allow", auth = true): AccessState => ({
  auth,
  phases: { orders: phase },
  intents,
});

describe("the difference of two states, line by line and call by call", () => {
  const namesOf = (peer: Peer, from: string): boolean => {
    if (from === "*") return true;
    if (!("entities" in peer))
      return from === `${peer.namespace}/*` || from === `${peer.namespace}/${peer.serviceAccount}`;
    if (peer.entities.some((entity) => entity === from)) return true;
    return (
      peer.entities.includes("world") &&
      peer.address !== undefined &&
      /[.:]/.test(from) &&
      isInNetwork(peer.address, from)
    );
  };
  const operationOf = (text: string): Operation => {
    const [, method, path] = /^([A-Z]+)? ?(\/.*)?$/.exec(text) ?? [];
    const prefix = path?.endsWith("/*") ? path.slice(0, -2) || "/" : undefined;
    return {
      ...(method ? { methods: [method as "GET"] } : {}),
      ...(path ? { paths: [prefix ? { prefix } : { exact: path }] } : {}),
    };
  };
  const says = (texts: readonly string[] | undefined, http: HttpRequest) =>
    texts === undefined || (texts.length > 0 && permits(texts.map(operationOf), http));
  const hasLabels = (labels: Call["to"]["labels"], selector: Change["selector"] = {}) =>
    Object.entries(selector).every(([key, value]) => labels[key] === value);

  /** Whether a line is about a call, by what the line says of itself. */
  function isAbout(line: Change, call: Call, { before, after }: { before: AccessState; after: AccessState }): boolean {
    if (line.namespace !== call.to.namespace) return false;
    if (line.from === "*") {
      const named = (state: AccessState, phase: Phase) => decide(state.intents, { [line.namespace]: phase }, call);
      if (line.direction === "lost") return !named(after, "allow").allowed;
      if (line.direction === "gained") return !named(before, "allow").allowed;
      const [asking, other] = line.direction === "must authenticate" ? [after, before] : [before, after];
      return named(asking, "require").mustAuthenticate && decide(other.intents, other.phases, call).allowed;
    }
    if (line.port !== call.port || !namesOf(call.from, line.from)) return false;
    if (line.except?.some((name) => namesOf(call.from, name))) return false;
    if (!hasLabels(call.to.labels, line.selector)) return false;
    if (line.without?.some((selector) => hasLabels(call.to.labels, selector))) return false;
    const authenticates = /authenticate/.test(line.direction);
    if (!call.http) return authenticates || line.beside === undefined;
    return says(line.operations, call.http) && !(line.beside && says(line.beside, call.http));
  }

  const valid = meeting.map((intents) =>
    intents.reduce<Intent[]>(
      (kept, one) => ([...kept, one].every((other) => goTogether(other, one)) ? [...kept, one] : kept),
      [],
    ),
  );
  const wider = (caller: Intent["callers"][number]): Intent["callers"] => {
    if ("cidr" in caller) return [{ entity: "world", reason: "it is a test of what contains what" }];
    return [caller, ...("entity" in caller ? [] : [{ ...caller, serviceAccount: "*" }])].slice(-1);
  };
  const phases = fc.constantFrom<Phase>("off", "observe", "allow", "require", "require", "require");
  /** Two states that have much in common: some of the same intents, some with another target, other callers or operations. */
  const states = fc
    .tuple(valid, valid, fc.array(fc.nat(6), { minLength: 6, maxLength: 6 }), phases, fc.option(phases))
    .map(([one, two, how, was, is]) => {
      const mixed = one.flatMap((intent, i) => {
        const other = two[i % Math.max(1, two.length)];
        if (!other || how[i] === 0) return [intent];
        if (how[i] === 1) return [];
        if (how[i] === 2) return [{ ...intent, callers: [...intent.callers.slice(1), ...other.callers] }];
        if (how[i] === 3)
          return [{ ...intent, target: { ...intent.target, selector: { ...intent.target.selector, more: "x" } } }];
        if (how[i] === 6) return [{ ...intent, callers: intent.callers.flatMap(wider) }];
        if (how[i] === 4) return [{ ...other, target: intent.target, port: intent.port }];
        const { operations: _, ...rest } = intent;
        return [other.operations ? { ...rest, operations: other.operations } : rest];
      });
      const together = [...mixed, ...two].reduce<Intent[]>(
        (kept, one) =>
          [...kept, one].every((other) => goTogether(other, one)) && kept.every(({ name }) => name !== one.name)
            ? [...kept, one]
            : kept,
        [],
      );
      const before = { auth: true, phases: { xshop: was }, intents: one };
      return { before, after: { auth: true, phases: { xshop: is ?? was }, intents: together } };
    });
  const single = ({ from }: Call) => !("entities" in from) || from.entities.length === 1;
  const directionOf = ({ before, after }: { before: AccessState; after: AccessState }, call: Call) => {
    const was = decide(before.intents, before.phases, call);
    const is = decide(after.intents, after.phases, call);
    if (was.allowed !== is.allowed) return is.allowed ? "gained" : "lost";
    if (was.mustAuthenticate === is.mustAuthenticate) return undefined;
    return is.mustAuthenticate ? "must authenticate" : "need not authenticate";
  };
  const withCalls = states.chain((pair) =>
    fc.tuple(
      fc.constant(pair),
      fc.array(calls([...pair.before.intents, ...pair.after.intents]), { minLength: 40, maxLength: 40 }),
    ),
  );

  test("has a line that is about a call if, and only if, it is decided in another way, in that direction", () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(withCalls, ([pair, calls]) => {
        for (const directed of [pair, { before: pair.after, after: pair.before }]) {
          const lines = difference(directed.before, directed.after);
          for (const call of calls.filter(single)) {
            const direction = directionOf(directed, call);
            const told = lines.filter((line) => isAbout(line, call, directed));
            expect([...new Set(told.map((line) => line.direction))]).toEqual(direction ? [direction] : []);
            if (direction) seen.set(direction, (seen.get(direction) ?? 0) + 1);
            if (direction === "gained" && told.some(({ from }) => from !== "*"))
              expect(told.some(({ authenticated }) => authenticated)).toBe(
                decide(directed.after.intents, directed.after.phases, call).mustAuthenticate,
              );
          }
        }
      }),
      { numRuns: 250 },
    );
    for (const direction of ["gained", "lost", "must authenticate", "need not authenticate"])
      expect(seen.get(direction)).toBeGreaterThan(20);
  });

  test("tells a caller that is several things at once, an API server on a node say, by the lines about each of them", () => {
    const seen = new Map<string, number>();
    const partsOf = (peer: Peer): Peer[] =>
      "entities" in peer
        ? peer.entities.map((entity) => ({
            entities: [entity],
            ...(entity === "world" && peer.address !== undefined ? { address: peer.address } : {}),
          }))
        : [peer];
    fc.assert(
      fc.property(withCalls, ([pair, calls]) => {
        for (const directed of [pair, { before: pair.after, after: pair.before }]) {
          const lines = difference(directed.before, directed.after);
          for (const call of calls.filter((call) => !single(call))) {
            const told = partsOf(call.from).flatMap((from) =>
              lines.filter((line) => isAbout(line, { ...call, from }, directed)).map(({ direction }) => direction),
            );
            const direction = directionOf(directed, call);
            // It may do what any of them may: what is gained was none's before, and what is lost is none's any more.
            if (direction) expect([...new Set(told)]).toEqual([direction]);
            // Where nothing is said of any of them, nothing changes for it.
            if (told.length === 0) expect(direction).toBeUndefined();
            if (direction) seen.set(direction, (seen.get(direction) ?? 0) + 1);
          }
        }
      }),
      { numRuns: 250 },
    );
    for (const direction of ["gained", "lost"]) expect(seen.get(direction)).toBeGreaterThan(5);
  });

  test("has no line about nothing: for each there is a call that it is about", () => {
    /** Somebody of whom a line says something, and nothing of whom it excepts. */
    const peersOf = ({ from, except = [] }: Change): Peer[] => {
      if (from === "*")
        return [
          { namespace: "nobody", serviceAccount: "nobody" },
          { namespace: "xweb", serviceAccount: "xa" },
        ];
      if (/^[\w-]+$/.test(from)) return [{ entities: [from as "host"] }];
      if (/[.:]/.test(from))
        return [from.replace(/\/.*/, ""), "10.200.200.200", "10.2.3.4"].map((address) => ({
          entities: ["world"],
          address,
        }));
      const [namespace = "", serviceAccount = ""] = from.split("/");
      return [{ namespace, serviceAccount: serviceAccount === "*" ? `none-of-${except.length}` : serviceAccount }];
    };
    fc.assert(
      fc.property(states, (pair) => {
        for (const line of difference(pair.before, pair.after)) {
          if (line.from === "*") continue;
          const to = { namespace: line.namespace, labels: line.selector ?? {} };
          const requests = (line.operations ?? ["strange /%2e"]).map((text) => {
            const [, method = "PATCH", path = "/%2e"] = /^(\w+)? ?(\/.*)?$/.exec(text) ?? [];
            return { method, path: path.replace(/^\/\*$/, "/").replace(/\/\*$/, "") };
          });
          const tries = peersOf(line).flatMap((from) =>
            [
              undefined,
              ...requests,
              ...requests.map(({ method, path }) => ({ method, path: `${path.replace(/\/$/, "")}/zz` })),
            ].map((http): Call => ({ from, to, port: line.port ?? 1, ...(http ? { http } : {}) })),
          );
          const found = tries.filter((call) => isAbout(line, call, pair) && directionOf(pair, call) === line.direction);
          expect(found, JSON.stringify(line)).not.toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("of a state and itself is empty, in whatever order and in however many intents it is written", () => {
    fc.assert(
      fc.property(valid, phases, (intents, phase) => {
        const split = intents
          .flatMap((one) => one.callers.map((caller, i) => ({ ...one, name: `${one.name}-${i}`, callers: [caller] })))
          .reverse();
        const of = (intents: readonly Intent[]) => ({ auth: true, phases: { xshop: phase }, intents });
        expect(difference(of(intents), of(split))).toEqual([]);
      }),
    );
  });
});

describe("the difference", () => {
  const frontend = { namespace: "web", serviceAccount: "frontend" };
  const all = { namespace: "web", serviceAccount: "*" };
  const reason = "it must work when nothing else does";
  const of = (before: object, after: object, phase: Phase = "allow") =>
    difference(state([intent("api", before)], phase), state([intent("api", after)], phase)).map(
      ({ namespace: _, selector: __, port: ___, ...line }) => line,
    );

  test("of a new stack is that everybody whom no intent names is shut out, in one line", () => {
    expect(difference(noState, state([intent("api"), intent("db", { port: 5432 })]))).toEqual([
      {
        direction: "lost",
        from: "*",
        to: "orders",
        namespace: "orders",
        why: ["orders goes from off to allow (auth is turned on)"],
      },
    ]);
  });

  test("of a namespace's way forward and back is a line for everybody, with the phase as the reason", () => {
    const way = (from: Phase, to: Phase, on = [true, true]) =>
      difference(state([intent("api")], from, on[0]), state([intent("api")], to, on[1])).map(
        ({ direction, from, to, why }) => `${direction}: ${from} -> ${to}: ${why.join()}`,
      );
    expect(way("off", "observe")).toEqual([]);
    expect(way("observe", "allow")).toEqual(["lost: * -> orders: orders goes from observe to allow"]);
    expect(way("allow", "require")).toEqual(["must authenticate: * -> orders: orders goes from allow to require"]);
    expect(way("require", "allow", [true, false])).toEqual([
      "need not authenticate: * -> orders: orders goes from require to allow (auth is turned off)",
    ]);
    expect(way("require", "off")).toEqual([
      "gained: * -> orders: orders goes from require to off",
      "need not authenticate: * -> orders: orders goes from require to off",
    ]);
  });

  test("names the caller that comes and the one that goes, the intent and what happened to it", () => {
    const other = { namespace: "billing", serviceAccount: "invoicer" };
    expect(of({ callers: [frontend] }, { callers: [other] }, "require")).toEqual([
      {
        direction: "lost",
        from: "web/frontend",
        to: "orders/api",
        why: ["the intent orders/api no longer names web/frontend"],
      },
      {
        direction: "gained",
        from: "billing/invoicer",
        to: "orders/api",
        authenticated: true,
        why: ["the intent orders/api names billing/invoicer now"],
      },
    ]);
  });

  test("knows that a whole namespace has its service accounts in it", () => {
    expect(of({ callers: [all] }, { callers: [frontend] })).toEqual([
      {
        direction: "lost",
        from: "web/*",
        kind: "namespace",
        except: ["web/frontend"],
        to: "orders/api",
        why: ["the intent orders/api no longer names web/*"],
      },
    ]);
    expect(of({ callers: [all, frontend] }, { callers: [all] })).toEqual([]);
    expect(
      of({ callers: [all, frontend] }, { callers: [{ entity: "host" }] }).map(({ from, except }) => [from, except]),
    ).toEqual([
      ["web/*", undefined],
      ["host", undefined],
    ]);
  });

  test("knows networks that contain others, and that two halves are the whole", () => {
    const networks = (...cidrs: string[]) => ({ callers: cidrs.map((cidr) => ({ cidr })) });
    expect(of(networks("10.0.0.0/8"), networks("10.0.0.0/9", "10.128.0.0/9"))).toEqual([]);
    expect(
      of(networks("10.0.0.0/8"), networks("10.1.0.0/16")).map(({ direction, from, except }) => [
        direction,
        from,
        except,
      ]),
    ).toEqual([["lost", "10.0.0.0/8", ["10.1.0.0/16"]]]);
    expect(
      of(networks("2001:db8::/32"), { callers: [{ entity: "world", reason }] }).map(({ direction, from, except }) => [
        direction,
        from,
        except,
      ]),
    ).toEqual([["gained", "world", ["2001:db8::/32"]]]);
  });

  test("knows operations that contain others, and tells what is kept", () => {
    const get = { operations: [{ methods: ["GET"], paths: [{ prefix: "/v1" }] }] };
    expect(of(get, { operations: [{ methods: ["GET"], paths: [{ prefix: "/v1" }, { exact: "/v1/x" }] }] })).toEqual([]);
    expect(of(get, { operations: [{ methods: ["GET"], paths: [{ exact: "/v1/x" }] }] })).toEqual([
      {
        direction: "lost",
        from: "web/frontend",
        to: "orders/api",
        operations: ["GET /v1/*"],
        beside: ["GET /v1/x"],
        why: ["the intent orders/api permits less now"],
      },
    ]);
    expect(of(get, {}).map(({ direction, operations, beside }) => [direction, operations, beside])).toEqual([
      ["gained", undefined, ["GET /v1/*"]],
    ]);
  });

  test("takes a narrower selector for a loss on the other pods", () => {
    const [line, ...more] = difference(
      state([intent("api")]),
      state([intent("api", { target: { namespace: "orders", selector: { app: "api", tier: "x" } } })]),
    );
    expect(more).toEqual([]);
    expect(line).toMatchObject({
      direction: "lost",
      selector: { app: "api" },
      without: [{ app: "api", tier: "x" }],
      why: ["the intent orders/api is for other pods now"],
    });
  });

  test("has who must authenticate, and who is exempt, with the reason that is given", () => {
    const exempt = { callers: [{ ...frontend, withoutAuthentication: reason }] };
    expect(of({}, exempt, "require")).toEqual([
      {
        direction: "need not authenticate",
        from: "web/frontend",
        to: "orders/api",
        why: [`the intent orders/api exempts web/frontend now: ${reason}`],
      },
    ]);
    expect(of(exempt, {}, "require").map(({ direction, why }) => [direction, ...why])).toEqual([
      ["must authenticate", "the intent orders/api no longer exempts web/frontend"],
    ]);
    expect(of(exempt, {})).toEqual([]);
  });
});
