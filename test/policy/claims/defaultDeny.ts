import type { Facts } from "../../../policy/facts/facts";
import { both, named, policy, toPorts, withConfig, withObject, withSpecs } from "../changes";
import type { Claims } from "./claim";

const http = (...rules: object[]) => [{ ports: [{ port: "7000", protocol: "TCP" }], rules: { http: rules } }];
const spec = (change: object) => withObject(policy({}, { spec: { endpointSelector: {}, ...change } }));
/** A policy of somebody else's with one rule that admits callers without authentication. */
const admitting = (rule: object, spec: object = {}) =>
  withObject(policy({}, { spec: { endpointSelector: {}, ingress: [{ toPorts, ...rule }], ...spec } }));
const denyAll = (change: object) =>
  withSpecs((specs) => specs.map((one, i) => (i === 1 ? { ...one, ...change } : one)));
const wasInAllow =
  (namespace: string) =>
  (facts: Facts): Facts => {
    const { state } = facts.previous === "unknown" ? {} : facts.previous;
    if (!state) throw new Error("the good facts have no previous state");
    return {
      ...facts,
      previous: {
        ...(facts.previous as object),
        state: { ...state, phases: { ...state.phases, [namespace]: "allow" } },
      },
    };
  };
const api = [{ ports: [{ port: "8080", protocol: "TCP" }] }];
const get = { method: "GET", path: "/a" };

/** What is denied by default, and what must not be let in beside the rules. */
export const defaultDeny: Claims = {
  "closed-namespaces": {
    catches: [
      {
        what: "a namespace in require without its default deny",
        change: withSpecs((specs) => specs.slice(0, 1)),
        says: /rollout\.phases\.orders closes orders, where no policy denies by default/,
      },
      {
        what: "a default deny that is waived",
        change: denyAll({ enableDefaultDeny: { ingress: false } }),
        says: /no policy denies by default/,
      },
      {
        what: "a default deny for some pods",
        change: denyAll({ endpointSelector: { matchLabels: { app: "api" } } }),
        says: /no policy denies by default/,
      },
      {
        what: "a namespace in allow that nobody closed",
        change: both(withConfig("rollout.phases.shop=allow"), wasInAllow("shop")),
        says: /closes shop/,
      },
    ],
    passes: [
      ["a namespace in observe", withConfig("rollout.phases.shop=observe")],
      ["a namespace that an off does not take further", withConfig("auth=false", "rollout.phases.shop=allow")],
    ],
  },
  "deny-with-allow": {
    catches: [
      {
        what: "a default deny alone",
        change: withSpecs((specs) => specs.slice(1)),
        says: /closes orders, where no rule admits anybody/,
        verdict: "warn",
        also: ["auth-consumed"],
      },
    ],
  },
  "deny-all-denies": {
    catches: [
      { what: "an empty list of rules", change: spec({ ingress: [] }), says: /spec\.ingress is an empty list/ },
      {
        what: "an empty list beside rules of the other direction",
        change: spec({ ingress: [], egress: [{ toEntities: ["world"] }] }),
        says: /ingress is an empty list, which denies nothing; write \[\{\}\] to deny all/,
      },
      { what: "no rules", change: spec({}), says: /spec has no rule/ },
      { what: "no specification", change: withObject(policy({}, { spec: undefined })), says: /spec is missing/ },
      {
        what: "no callers",
        change: admitting({ fromEndpoints: [] }),
        says: /ingress\[0\]\.fromEndpoints is an empty list, which is everybody once it is left out/,
        also: ["no-bypass"],
      },
      { what: "no ports", change: admitting({ ...named, toPorts: [] }), says: /toPorts has an empty list/ },
      { what: "no ports in one entry", change: admitting({ ...named, toPorts: [{ ports: [] }] }), says: /toPorts has/ },
    ],
    passes: [
      ["an empty rule, which denies all", spec({ ingress: [{}] })],
      ["a rule that denies", spec({ ingressDeny: [{ fromEntities: ["world"] }] })],
      ["rules in specs", withObject(policy({}, { spec: undefined, specs: [{ endpointSelector: {}, ingress: [{}] }] }))],
    ],
  },
  "no-bypass": {
    catches: [
      {
        what: "the whole namespace, on the port of an intent",
        change: admitting({ fromEndpoints: [{}], toPorts: api }),
        says: /admits callers to orders without authentication and fromEndpoints\[0\] is an empty selector/,
      },
      {
        what: "everybody on every port",
        change: admitting({ fromEntities: ["all"], toPorts: undefined }),
        says: /fromEntities has all/,
      },
      {
        what: "everybody on a range with the port of an intent",
        change: admitting({ toPorts: [{ ports: [{ port: "8000", endPort: 9000, protocol: "TCP" }] }] }),
        says: /has no fromEndpoints/,
      },
      {
        what: "the cluster on a port that no intent is about",
        change: admitting({ fromEntities: ["cluster"] }),
        says: /fromEntities has cluster/,
        verdict: "warn",
      },
    ],
    passes: [
      ["callers by name", admitting({ ...named, toPorts: api })],
      ["an empty rule, which admits nobody", spec({ ingress: [{}] })],
      [
        "everybody in a namespace that asks nobody",
        withObject(
          policy(
            { authentication: undefined, fromEntities: ["all"] },
            { metadata: { name: "extra", namespace: "shop" } },
          ),
        ),
      ],
      ["the health checks of the host", admitting({ fromEntities: ["host"], toPorts: api })],
    ],
  },
  "http-rules-hold": {
    catches: [
      {
        what: "no rule for HTTP",
        change: admitting({ ...named, toPorts: http() }),
        says: /rules is empty, which permits/,
      },
      {
        what: "no rule at all",
        change: admitting({ ...named, toPorts: [{ ports: [{ port: "7000", protocol: "TCP" }], rules: {} }] }),
        says: /toPorts\[0\]\.rules is empty/,
      },
      {
        what: "a rule for HTTP that is only to observe",
        change: admitting({ ...named, toPorts: http(get) }, { enableDefaultDeny: { ingress: false } }),
        says: /denies what it does not name, though enableDefaultDeny is false/,
      },
      {
        what: "the same caller on the same port without rules for HTTP",
        change: admitting(
          {},
          {
            ingress: [
              { ...named, toPorts: http(get) },
              { ...named, toPorts },
            ],
          },
        ),
        says: /spec\.ingress\[1\] admits the same caller .* which voids those of CiliumNetworkPolicy orders\/extra spec\.ingress\[0\]/,
      },
    ],
    passes: [
      ["rules for HTTP", admitting({ ...named, toPorts: http(get) })],
      [
        "a rule that observes and permits everything",
        admitting({ ...named, toPorts: http(get, {}) }, { enableDefaultDeny: { ingress: false } }),
      ],
      [
        "another caller without them",
        admitting(
          {},
          {
            ingress: [
              { ...named, toPorts: http(get) },
              { fromEndpoints: [{ matchLabels: { app: "job" } }], toPorts },
            ],
          },
        ),
      ],
    ],
  },
};
