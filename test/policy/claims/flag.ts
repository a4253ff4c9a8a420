import {
  allowPolicy,
  both,
  clusterwide,
  named,
  policy,
  toPorts,
  values,
  withAuthOff,
  withChanged,
  withConfig,
  withEdges,
  withFlag,
  withObject,
  withRecorded,
  withValues,
  without,
} from "../changes";
import type { Claims } from "./claim";

/** The flag, and the order in which it moves things. */
export const flag: Claims = {
  "no-required-while-disabled": {
    catches: [
      {
        what: "auth off beside the policies of auth on",
        change: withConfig("auth=false"),
        also: ["flag-atomic", "order"],
        says: /orders\/zero-trust specs\[0\]\.ingress\[0\]\.authentication demands authentication while auth is off/,
      },
      {
        what: "a rule in specs",
        change: both(
          withFlag(false),
          withObject(
            policy(
              {},
              { spec: undefined, specs: [{ ingress: [{ ...named, toPorts, authentication: { mode: "required" } }] }] },
            ),
          ),
        ),
        says: /specs\[0\]\.ingress\[0\]/,
      },
      {
        what: "an egress rule",
        change: both(
          withFlag(false),
          withObject(
            policy(
              {},
              {
                spec: { egress: [{ toEndpoints: named.fromEndpoints, toPorts, authentication: { mode: "required" } }] },
              },
            ),
          ),
        ),
        says: /spec\.egress\[0\]/,
      },
      {
        what: "a cluster-wide policy",
        change: both(
          withFlag(false),
          withObject(clusterwide({ matchLabels: { "k8s:io.kubernetes.pod.namespace": "orders" } })),
        ),
        also: ["in-place-transition"],
        says: /CiliumClusterwideNetworkPolicy extra/,
      },
    ],
  },
  "flag-atomic": {
    catches: [
      {
        what: "the first flag alone",
        change: values('"enabled":true', '"enabled":false'),
        says: /authentication\.enabled is false while auth is on/,
      },
      {
        what: "the second flag alone",
        change: values('"spire":{"enabled":true', '"spire":{"enabled":false'),
        says: /mutual\.spire\.enabled is false/,
      },
      { what: "a flag in quotes", change: values('"enabled":true', '"enabled":"true"'), says: /is "true"/ },
      {
        what: "agents that are not rolled",
        change: values('"rollOutCiliumPods":true', '"rollOutCiliumPods":false'),
        says: /rollOutCiliumPods is false/,
      },
      {
        what: "an operator that is not rolled",
        change: values('"rollOutPods":true', '"x":1'),
        says: /operator\.rollOutPods is missing/,
      },
      {
        what: "a flag past the chart",
        change: withValues({ extraConfig: { "mesh-auth-enabled": "true" } }),
        says: /extraConfig\.mesh-auth-enabled replaces what the flag auth decides/,
      },
      {
        what: "flags that stay on while auth is off",
        change: withConfig("auth=false"),
        also: ["no-required-while-disabled", "order"],
        says: /is true while auth is off/,
      },
    ],
  },
  order: {
    catches: [
      {
        what: "Cilium before SPIRE",
        change: withEdges((edges) => edges.filter(({ from }) => from !== "cilium-auth")),
        says: /cilium-auth does not come after spire; write dependsOn: spire/,
      },
      {
        what: "policies before Cilium",
        change: withEdges((edges) => edges.filter(({ to }) => to !== "cilium-auth-values")),
        says: /access-orders does not come after cilium-auth/,
      },
      {
        what: "a policy that waits for part of SPIRE alone",
        change: withEdges((edges) => edges.filter(({ from, to }) => from !== "access-orders" || to !== "spire-agent")),
        says: /access-orders does not come after spire/,
      },
      {
        what: "the order of the way on while auth is off",
        change: withAuthOff,
        also: ["flag-atomic", "no-required-while-disabled"],
        says: /cilium-auth does not come after access-orders[^]*cilium-auth waits for spire[^]*access-orders waits for spire/,
      },
      {
        what: "a policy that waits for Cilium on the way off",
        change: (facts) =>
          both(
            withFlag(false),
            withEdges((edges) => [...edges, { from: allowPolicy, to: "cilium-auth-values" }]),
          )(facts),
        says: /access-orders waits for cilium-auth on the way off/,
      },
    ],
  },
  "in-place-transition": {
    catches: [
      {
        what: "a policy that is removed while auth goes off",
        change: both(withFlag(false), without("CiliumNetworkPolicy", "zero-trust")),
        also: ["closed-namespaces"],
        says: /CiliumNetworkPolicy orders\/zero-trust would be deleted while auth goes off; leave it as it was/,
      },
      {
        what: "the default deny of an earlier version that is removed while auth goes off, where it harms nobody",
        change: both(withFlag(false), withRecorded("zero-trust zero-trust-deny-all")),
        says: /CiliumNetworkPolicy orders\/zero-trust-deny-all would be deleted while auth goes off/,
        verdict: "warn",
      },
      {
        what: "something of SPIRE's that is removed while auth goes off, where it harms nobody",
        change: both(withFlag(false), without("Service", "spire-server")),
        also: ["server-address"],
        says: /the stack would have other objects than before, beside its policies, while auth goes off/,
        verdict: "warn",
      },
      {
        what: "a StatefulSet that is replaced while auth goes on",
        change: both(
          withFlag(true),
          withChanged("StatefulSet", "spire-server", (json) => json.replace('"serviceName":"', '"serviceName":"x')),
        ),
        says: /the stack would have other objects than before, beside its policies, while auth goes on/,
      },
      {
        what: "a default deny that is removed while auth goes on",
        change: both(withFlag(true), withRecorded("zero-trust zero-trust-deny-all")),
        says: /CiliumNetworkPolicy orders\/zero-trust-deny-all would be deleted/,
      },
    ],
  },
};
