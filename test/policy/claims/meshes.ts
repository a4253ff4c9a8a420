import { both, extra, withObject } from "../changes";
import type { Claims } from "./claim";

const authorization = (spec: object, namespace?: string) =>
  withObject(extra("security.istio.io/v1", "AuthorizationPolicy", { spec }, namespace));
const peers = (spec: object, namespace?: string) =>
  withObject(extra("security.istio.io/v1", "PeerAuthentication", { spec }, namespace));
const linkerd = (kind: string, spec: object) => withObject(extra("policy.linkerd.io/v1alpha1", kind, { spec }));
const server = { group: "policy.linkerd.io", kind: "Server", name: "api" };
const principal = { source: { principals: ["apps.zt.internal/ns/web/sa/frontend"] } };
const get = { operation: { methods: ["GET"] } };
const linkerdServer = (accessPolicy: string, namespace?: string) =>
  withObject(extra("policy.linkerd.io/v1beta3", "Server", { spec: { accessPolicy } }, namespace));
const inbound = (value: string) => ({ annotations: { "config.linkerd.io/default-inbound-policy": value } });

/** Policies of other meshes. */
export const meshes: Claims = {
  "istio-callers": {
    catches: [
      {
        what: "a rule for everything",
        change: authorization({ rules: [{}] }),
        says: /AuthorizationPolicy orders\/extra spec\.rules\[0\] has no from, so it allows any caller/,
      },
      { what: "a rule for a request", change: authorization({ rules: [{ to: [get] }] }), says: /has no from/ },
      {
        what: "an empty source among others",
        change: authorization({ action: "ALLOW", rules: [{ from: [principal, { source: {} }] }] }),
        says: /spec\.rules\[0\]\.from\[1\] names nobody/,
        also: ["mesh-valid"],
      },
      {
        what: "a source that only excludes",
        change: authorization({ rules: [{ from: [{ source: { notNamespaces: ["web"] } }] }] }),
        says: /names nobody/,
      },
      {
        what: "any principal",
        change: authorization({ rules: [{ from: [{ source: { principals: ["*"] } }] }] }),
        says: /names nobody/,
      },
    ],
    passes: [
      ["a named caller", authorization({ rules: [{ from: [principal], to: [get] }] })],
      ["a policy that allows nothing", authorization({})],
      ["a rule that denies", authorization({ action: "DENY", rules: [{ to: [get] }] })],
      [
        "a caller that a condition names",
        authorization({ rules: [{ to: [get], when: [{ key: "request.auth.claims[group]", values: ["a"] }] }] }),
      ],
      ["a gateway", authorization({ rules: [{ to: [get] }] }, "istio-ingress")],
    ],
  },
  "istio-strict": {
    catches: [
      {
        what: "plain text in a closed namespace",
        change: peers({ mtls: { mode: "PERMISSIVE" } }),
        says: /spec\.mtls\.mode is PERMISSIVE, so plain text is taken; write STRICT/,
      },
      {
        what: "plain text on one port",
        change: peers({
          selector: { matchLabels: { app: "api" } },
          mtls: { mode: "STRICT" },
          portLevelMtls: { 8080: { mode: "DISABLE" } },
        }),
        says: /portLevelMtls\.8080\.mode is DISABLE/,
      },
      {
        what: "plain text in another namespace",
        change: peers({ mtls: { mode: "PERMISSIVE" } }, "shop"),
        says: /is PERMISSIVE/,
        verdict: "warn",
      },
    ],
    passes: [
      ["no plain text", peers({ mtls: { mode: "STRICT" } })],
      ["the mode of the mesh", peers({ mtls: { mode: "UNSET" } })],
    ],
  },
  "linkerd-callers": {
    catches: [
      {
        what: "no authentication",
        change: linkerd("AuthorizationPolicy", { targetRef: server, requiredAuthenticationRefs: [] }),
        says: /spec\.requiredAuthenticationRefs is empty, which admits everybody/,
      },
      {
        what: "nothing about authentication",
        change: linkerd("AuthorizationPolicy", { targetRef: server }),
        says: /is empty/,
      },
      {
        what: "any identity",
        change: linkerd("MeshTLSAuthentication", { identities: ["*"] }),
        says: /spec\.identities has \*, which is whoever is in the mesh/,
      },
    ],
    passes: [
      ["a reference", linkerd("AuthorizationPolicy", { requiredAuthenticationRefs: [{ name: "web" }] })],
      ["the identities of one namespace", linkerd("MeshTLSAuthentication", { identities: ["*.web.serviceaccount.x"] })],
    ],
  },
  "linkerd-routes": {
    catches: [
      { what: "no rules", change: linkerd("HTTPRoute", {}), says: /spec\.rules is empty, which is every request/ },
      { what: "a rule for everything", change: linkerd("HTTPRoute", { rules: [{}] }), says: /rules\[0\]\.matches/ },
      {
        what: "an empty match among others",
        change: linkerd("HTTPRoute", { rules: [{ matches: [{ method: "GET" }, {}] }] }),
        says: /rules\[0\]\.matches is empty/,
      },
    ],
    passes: [
      ["everything, said as such", linkerd("HTTPRoute", { rules: [{ matches: [{ path: { value: "/" } }] }] })],
      [
        "a route of the Gateway API",
        withObject(extra("gateway.networking.k8s.io/v1", "HTTPRoute", { spec: { rules: [{}] } })),
      ],
    ],
  },
  "linkerd-default": {
    catches: [
      {
        what: "a closed namespace that is open by default",
        change: withObject({
          apiVersion: "v1",
          kind: "Namespace",
          metadata: { name: "orders", ...inbound("all-unauthenticated") },
        }),
        says: /Namespace orders metadata\.annotations.* is all-unauthenticated, which admits callers without an identity/,
      },
      {
        what: "pods in it",
        change: withObject(
          extra("apps/v1", "Deployment", { spec: { template: { metadata: inbound("cluster-unauthenticated") } } }),
        ),
        says: /spec\.template\.metadata\.annotations.* is cluster-unauthenticated/,
      },
      { what: "a Server that only audits", change: linkerdServer("audit"), says: /spec\.accessPolicy is audit/ },
      {
        what: "a Server in another namespace",
        change: linkerdServer("all-unauthenticated", "shop"),
        says: /is all-unauthenticated/,
        verdict: "warn",
      },
    ],
    passes: [["a Server that denies", linkerdServer("deny")]],
  },
  "mesh-valid": {
    catches: [
      {
        what: "a port of letters",
        change: authorization({ rules: [{ from: [principal], to: [{ operation: { ports: ["http"] } }] }] }),
        says: /AuthorizationPolicy orders\/extra spec\.rules\[0\]\.to\[0\]\.operation\.ports\[0\] is http; write a number/,
      },
      {
        what: "ports without a workload",
        change: peers({ mtls: { mode: "STRICT" }, portLevelMtls: { 8080: { mode: "STRICT" } } }),
        says: /PeerAuthentication orders\/extra spec\.portLevelMtls is for the ports of a workload/,
      },
      {
        what: "a policy for another namespace of Linkerd's",
        change: linkerd("AuthorizationPolicy", {
          targetRef: { kind: "Namespace", name: "web" },
          requiredAuthenticationRefs: [{ kind: "ServiceAccount", name: "frontend" }],
        }),
        says: /spec\.targetRef\.name is web; write orders, the policy's own/,
      },
      {
        what: "two Servers for one port of the same pods",
        change: both(portServer("one"), portServer("two")),
        says: /Server orders\/two spec\.port is that of Server orders\/one, which selects the same pods/,
      },
    ],
    passes: [
      ["two Servers for other pods", both(portServer("one"), portServer("two", { app: "web" }))],
      ["a policy of Istio's that names its callers", authorization({ rules: [{ from: [principal] }] })],
    ],
  },
};

function portServer(name: string, matchLabels: Record<string, string> = { app: "api" }) {
  const spec = { podSelector: { matchLabels }, port: 8080, accessPolicy: "deny" };
  return withObject({
    apiVersion: "policy.linkerd.io/v1beta3",
    kind: "Server",
    metadata: { name, namespace: "orders" },
    spec,
  });
}
