import { both, named, policy, toPorts, withConfig, withObject } from "../changes";
import type { Claims, Mutation } from "./claim";

const required = { authentication: { mode: "required" } };
const disabled = { authentication: { mode: "disabled" } };
const failing = { authentication: { mode: "test-always-fail" } };

const unidentifiable: readonly Mutation[] = (
  [
    ["the host", { fromEntities: ["host"] }, /of the entity host, which can never authenticate/],
    ["the API server beside others", { fromEntities: ["remote-node", "kube-apiserver"] }, /entity kube-apiserver/],
    ["the world", { fromEntities: ["world"] }, /entity world/],
    ["a network", { fromCIDR: ["10.0.0.0/8"] }, /of fromCIDR/],
    ["a network with exceptions", { fromCIDRSet: [{ cidr: "10.0.0.0/8" }] }, /of fromCIDRSet/],
    ["the groups of a cloud", { fromGroups: [{ aws: {} }] }, /of fromGroups/],
    ["nodes", { fromNodes: [{ matchLabels: { role: "edge" } }] }, /of fromNodes/],
    [
      "a reserved identity by its label",
      { fromEndpoints: [{ matchLabels: { "reserved:ingress": "" } }] },
      /of fromEndpoints reserved:ingress/,
    ],
  ] as const
).map(([what, peers, says]) => ({ what: `the demand of ${what}`, change: withObject(policy(peers)), says }));

const egress = (peers: object) =>
  withObject(policy({}, { spec: { endpointSelector: {}, egress: [{ ...peers, toPorts, ...required }] } }));
export const authRules: Claims = {
  "identifiable-peers": {
    catches: [
      ...unidentifiable,
      { what: "a name in DNS", change: egress({ toFQDNs: [{ matchName: "a.b" }] }), says: /egress\[0\].*of toFQDNs/ },
      {
        what: "a policy for nodes",
        change: withObject(policy({}, { spec: { nodeSelector: {}, ingress: [{ ...named, toPorts, ...required }] } })),
        says: /demands authentication for nodes/,
      },
    ],
    passes: [
      ["the host without authentication", withObject(policy({ fromEntities: ["host"], authentication: undefined }))],
      ["a service, which stands for its pods", egress({ toServices: [{ k8sService: { serviceName: "a" } }] })],
    ],
  },
  "demand-in-require": {
    catches: [
      {
        what: "a demand in a namespace without a phase",
        change: withObject(policy(named, { metadata: { name: "extra", namespace: "shop" } })),
        says: /extra spec\.ingress\[0\]\.authentication is required, but shop has no phase/,
      },
      {
        what: "a demand in a namespace in observe",
        change: both(
          withConfig("rollout.phases.shop=observe"),
          withObject(policy(named, { metadata: { name: "extra", namespace: "shop" } })),
        ),
        says: /but shop is in observe; remove the block/,
      },
      {
        what: "a waiver in a namespace in require",
        change: withObject(policy({ ...named, ...disabled })),
        says: /is disabled, but orders is in require; remove the rule, and give the caller's intent withoutAuthentication/,
      },
    ],
    passes: [
      ["a demand of somebody else's in a namespace in require", withObject(policy(named))],
      [
        "a waiver where nothing is demanded",
        withObject(policy({ ...named, ...disabled }, { metadata: { name: "extra", namespace: "shop" } })),
      ],
    ],
  },
  "no-always-fail": {
    catches: [
      {
        what: "the test in a closed namespace",
        change: withObject(policy({ ...named, ...failing })),
        says: /is test-always-fail, which drops everybody/,
      },
      {
        what: "the test somewhere else",
        change: withObject(policy({ ...named, ...failing }, { metadata: { name: "extra", namespace: "shop" } })),
        says: /test-always-fail/,
        verdict: "warn",
      },
    ],
  },
};
