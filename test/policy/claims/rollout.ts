import { type Previous, type RolloutState } from "../../../core/rollout/state";
import type { Facts } from "../../../policy/facts/facts";
import { both, withConfig } from "../changes";
import type { Claims } from "./claim";

const withPrevious =
  (change: (previous: Previous & { state: RolloutState }) => Previous) =>
  (facts: Facts): Facts => {
    const { previous } = facts;
    if (previous === "unknown" || !previous.state) throw new Error("there is no state to change");
    return { ...facts, previous: change({ ...previous, state: previous.state }) };
  };
/** What namespaces had earned before. */
const earned = (phases: RolloutState["phases"]) =>
  withPrevious(({ state, ...previous }) => ({ ...previous, state: { ...state, phases, earned: phases } }));
const pods = (running: number) => withPrevious((previous) => ({ ...previous, pods: { orders: running } }));
const noGreenfield = (...assignments: string[]) => withConfig("rollout.greenfield=[]", ...assignments);
/** Namespaces that all go to a phase from the one below it. */
const many = (count: number, phase: "allow" | "require", from: "observe" | "allow") => {
  const names = Array.from({ length: count }, (_, i) => `shop-${i}`);
  return both(
    noGreenfield("rollout.phases.orders=observe", ...names.map((name) => `rollout.phases.${name}=${phase}`)),
    earned({ orders: "observe", ...Object.fromEntries(names.map((name) => [name, from])) }),
  );
};
/** An update after authentication was turned off so many times. */
const afterOffs = (offs: number) =>
  withPrevious(({ state }) => ({ cilium: "off", state: { ...state, auth: false, offs } }));

/** How far and how fast a rollout goes, and what it leaves behind. */
export const rollout: Claims = {
  "one-step": {
    catches: [
      {
        what: "two phases at once",
        also: ["evidence"],
        change: both(noGreenfield(), earned({ orders: "observe" })),
        says: /from observe to require; write allow first/,
      },
      {
        what: "a new namespace that begins to deny",
        also: ["evidence"],
        change: both(noGreenfield(), earned({})),
        says: /from off to require; write observe first/,
      },
      {
        what: "a namespace that is said to be without pods, and has some",
        also: ["evidence"],
        change: both(earned({}), pods(3)),
        says: /from off to require, and 3 pods run in it/,
      },
      {
        what: "a record of an earlier version, which has only what is in force",
        also: ["evidence"],
        change: both(
          noGreenfield(),
          withPrevious(({ state: { earned: _, ...state }, ...previous }) => ({
            ...previous,
            state: { ...state, phases: { orders: "observe" } },
          })),
        ),
        says: /from observe to require/,
      },
    ],
    passes: [
      ["a namespace in which no pods run", both(earned({}), pods(0))],
      ["any number of phases back", both(noGreenfield("rollout.phases.orders=off"), earned({ orders: "require" }))],
    ],
  },
  "blast-radius": {
    catches: [
      {
        what: "more namespaces than the radius",
        also: ["closed-namespaces", "demand-in-require"],
        change: many(6, "allow", "observe"),
        says: /takes 6 namespaces to allow or require at once \(shop-0, .*and rollout.blastRadius is 5/,
      },
      {
        what: "more than a radius of one's own",
        also: ["closed-namespaces", "demand-in-require"],
        change: both(many(2, "allow", "observe"), (facts) => ({
          ...facts,
          config: { ...facts.config, rollout: { ...facts.config.rollout, blastRadius: 1 } },
        })),
        says: /takes 2 namespaces/,
      },
      {
        what: "two that are the first to demand authentication",
        also: ["closed-namespaces", "demand-in-require", "evidence"],
        change: many(2, "require", "allow"),
        says: /takes shop-0, shop-1 to require at once, and none has been there/,
      },
    ],
  },
  evidence: {
    catches: [
      {
        what: "a namespace that goes to require without any",
        change: both(noGreenfield(), earned({ orders: "allow" })),
        says: /orders goes from allow to require, but there is no evidence/,
      },
      {
        what: "evidence that is not enough, fault by fault",
        change: both(both(noGreenfield(), earned({ orders: "allow" })), (facts) => ({
          ...facts,
          stack: { ...facts.stack, evidence: () => ["its window has not ended", "web/cron would be cut off"] },
        })),
        says: /require, but its window has not ended\n.*require, but web\/cron would be cut off/,
      },
    ],
    passes: [
      [
        "a namespace that has been in require, though its evidence is old or gone",
        (facts) => ({
          ...noGreenfield()(facts),
          stack: { ...facts.stack, evidence: () => ["it is old"] },
        }),
      ],
    ],
  },
  "one-stack": {
    catches: [
      {
        what: "the cluster of another stack",
        also: ["pinned-cluster"],
        change: both(withConfig("cluster.identity=12345678-0000-0000-0000-000000000000"), (facts) => ({
          ...facts,
          stack: {
            ...facts.stack,
            peers: facts.stack.peers.map((peer) => ({ ...peer, identity: facts.config.cluster.identity })),
          },
        })),
        says: /cluster\.identity is 1234.*and so is that of stack infra/,
      },
    ],
    passes: [
      [
        "stack files whose clusters are not known yet",
        ({ stack, ...facts }) => ({
          ...facts,
          stack: { ...stack, peers: stack.peers.map((peer) => ({ ...peer, identity: facts.config.cluster.identity })) },
        }),
      ],
    ],
  },
  "spire-needed": {
    catches: [
      {
        what: "SPIRE that goes while a namespace demands authentication",
        change: withConfig("spire.install=external", "spire.external.serverAddress=spire.corp:443"),
        says: /is external, which takes away SPIRE 1\.15\.3 while orders demand authentication/,
      },
      {
        what: "SPIRE that goes before any does",
        change: both(
          withConfig("spire.install=bundled"),
          withPrevious(({ state }) => ({ state: { ...state, phases: {} } })),
        ),
        says: /while authentication is on/,
      },
    ],
    passes: [
      [
        "SPIRE that goes once authentication is off",
        both(
          withConfig("spire.install=bundled", "auth=false"),
          withPrevious(({ state }) => ({ state: { ...state, auth: false } })),
        ),
      ],
    ],
  },
  resume: {
    catches: [
      {
        what: "on again without a word",
        change: afterOffs(1),
        says: /auth is true, but it was turned off; .*rollout\.resume 1$/,
      },
      {
        what: "on again with the word for an earlier off",
        change: both(withConfig("rollout.resume=1"), afterOffs(2)),
        says: /turned off 2 times, and rollout.resume is 1; .*rollout\.resume 2$/,
      },
    ],
    passes: [
      ["on again with the word for it", both(withConfig("rollout.resume=2"), afterOffs(2))],
      ["a stack that was never on", afterOffs(0)],
    ],
    silentWhileOff: true,
  },
};
