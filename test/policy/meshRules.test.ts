import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { istioAuthPolicyObjects } from "../../components/access/istio/policies";
import { istioConflicts } from "../../components/access/istio/conflicts";
import { linkerdAuthPolicyObjects, linkerdConflicts } from "../../components/access/linkerd/policies";
import { refusedOfAuthorizationPolicy, refusedOfPeerAuthentication } from "../../policy/rules/meshes/istio";
import { refusedByLinkerd } from "../../policy/rules/meshes/linkerd";
import { meshIntents } from "../support/calls";

const paths = (refused: readonly { readonly path: string }[]) => refused.map(({ path }) => path).join(" ");
const ofIstio = (spec: object) => paths(refusedOfAuthorizationPolicy(spec));
const rule = (rule: object, more: object = {}) => ofIstio({ rules: [rule], ...more });
const source = (source: object, more: object = {}) => rule({ from: [{ source }] }, more);
const operation = (operation: object) => rule({ to: [{ operation }] });
const caller = { principals: ["td/ns/web/sa/frontend"] };
const ofLinkerd = (kind: string, spec: object) =>
  paths(
    refusedByLinkerd({
      apiVersion: "policy.linkerd.io/v1alpha1",
      kind,
      metadata: { name: "a", namespace: "orders" },
      spec,
    }),
  );
const identity = (id: string) => ofLinkerd("MeshTLSAuthentication", { identities: [id] });
const own = { group: "policy.linkerd.io" };
const required = (...requiredAuthenticationRefs: object[]) =>
  ofLinkerd("AuthorizationPolicy", { targetRef: { ...own, kind: "Server", name: "a" }, requiredAuthenticationRefs });
const network = (...networks: object[]) => ofLinkerd("NetworkAuthentication", { networks });

describe("istiod's webhook", () => {
  test.each([
    ["nothing", ofIstio({})],
    ["everything", ofIstio({ rules: [{}] })],
    ["a caller and a port", rule({ from: [{ source: caller }], to: [{ operation: { ports: ["8080"] } }] })],
    ["an address and a network", source({ ipBlocks: ["192.0.2.1", "2001:db8::/32"] })],
    ["who has no certificate", source({ notPrincipals: ["*"] })],
    [
      "a workload's ports",
      paths(refusedOfPeerAuthentication({ selector: { matchLabels: { a: "b" } }, portLevelMtls: { 80: {} } })),
    ],
  ])("takes %s", (_, refused) => {
    expect(refused).toBe("");
  });

  test.each([
    ["an empty list of callers", rule({ from: [] }), "spec.rules[0].from"],
    ["an empty list of operations", rule({ to: [] }), "spec.rules[0].to"],
    ["no source", rule({ from: [{}] }), "spec.rules[0].from[0].source"],
    ["an empty source", source({ principals: [] }), "spec.rules[0].from[0].source"],
    ["an empty operation", operation({}), "spec.rules[0].to[0].operation"],
    ["an empty text", source({ principals: [""] }), "spec.rules[0].from[0].source.principals[0]"],
    ["no network", source({ ipBlocks: ["192.0.2.0/33"] }), "spec.rules[0].from[0].source.ipBlocks[0]"],
    ["the port 0", operation({ ports: ["0"] }), "spec.rules[0].to[0].operation.ports[0]"],
    ["accounts beside principals", source({ ...caller, serviceAccounts: ["web/a"] }), "spec.rules[0].from[0].source"],
    ["a condition without a key", rule({ when: [{ values: ["a"] }] }), "spec.rules[0].when[0].key"],
    ["a condition without values", rule({ when: [{ key: "source.ip" }] }), "spec.rules[0].when[0]"],
    ["to deny nothing", ofIstio({ action: "DENY" }), "spec.rules"],
    ["a provider that is not asked", ofIstio({ provider: { name: "a" } }), "spec.provider"],
    ["nobody to ask", ofIstio({ action: "CUSTOM", rules: [{}] }), "spec.provider.name"],
    [
      "callers where somebody else decides",
      source(caller, { action: "CUSTOM", provider: { name: "a" } }),
      "spec.rules[0].from[0].source.principals",
    ],
    ["two targets", ofIstio({ selector: {}, targetRefs: [{}] }), "spec"],
    ["a pattern of labels", ofIstio({ selector: { matchLabels: { app: "a*" } } }), "spec.selector.matchLabels"],
    ["a namespace's ports", paths(refusedOfPeerAuthentication({ portLevelMtls: { 80: {} } })), "spec.portLevelMtls"],
    [
      "a port beyond the last",
      paths(refusedOfPeerAuthentication({ selector: { matchLabels: { a: "b" } }, portLevelMtls: { 65536: {} } })),
      "spec.portLevelMtls.65536",
    ],
  ])("refuses %s", (_, refused, path) => {
    expect(refused).toBe(path);
  });
});

describe("Linkerd's webhook", () => {
  test.each([
    "*",
    "system.local",
    "*.system.local",
    "frontend.web.serviceaccount.identity.linkerd.cluster.local",
    "spiffe://trustdomain",
    "spiffe://trustdomain/path/Element",
  ])("takes the identity %s", (id) => {
    expect(identity(id)).toBe("");
  });

  test.each([
    "system.local.*",
    "system.local.",
    ".system.local",
    "system..local",
    "http://domain.test/a",
    "spiffe:///a",
    "spiffe://domain.test/a?b",
    "spiffe://domain.test:80/a",
    "spiffe://domain.test/",
    "spiffe://domain.test//a",
    "spiffe://domain.test/./a",
    "spiffe://domain.test/a/..",
  ])("refuses the identity %s", (id) => {
    expect(identity(id)).toBe("spec.identities[0]");
  });

  const mtls = { ...own, kind: "MeshTLSAuthentication", name: "a" };
  const networks = { ...own, kind: "NetworkAuthentication", name: "a" };
  const account = { kind: "ServiceAccount", name: "a" };
  test.each([
    ["one of each", required(mtls, networks), ""],
    ["an account", required(account), ""],
    ["two of a kind", required(mtls, mtls), "spec.requiredAuthenticationRefs"],
    ["an account beside others", required(mtls, account), "spec.requiredAuthenticationRefs"],
    ["two networks", required(networks, networks), "spec.requiredAuthenticationRefs"],
    [
      "a kind without its group",
      required({ kind: "MeshTLSAuthentication", name: "a" }),
      "spec.requiredAuthenticationRefs",
    ],
    ["no networks", network(), "spec.networks"],
    ["no network", network({ cidr: "a" }), "spec.networks[0].cidr"],
    ["a network but for a part", network({ cidr: "192.0.2.0/24", except: ["192.0.2.8/29"] }), ""],
    [
      "a network but for all of it",
      network({ cidr: "192.0.2.0/24", except: ["192.0.0.0/16"] }),
      "spec.networks[0].except[0]",
    ],
    [
      "a network but for another",
      network({ cidr: "192.0.2.0/24", except: ["198.51.100.0/29"] }),
      "spec.networks[0].except[0]",
    ],
    ["a default that is none", ofLinkerd("Server", { accessPolicy: "allow" }), "spec.accessPolicy"],
    [
      "a namespace in a namespace",
      ofLinkerd("MeshTLSAuthentication", { identityRefs: [{ kind: "Namespace", name: "a", namespace: "b" }] }),
      "spec.identityRefs[0].namespace",
    ],
    [
      "a relative path",
      ofLinkerd("HTTPRoute", { rules: [{ matches: [{ path: { type: "Exact", value: "a" } }] }] }),
      "spec.rules[0].matches[0].path.value",
    ],
    [
      "a target that is none",
      ofLinkerd("AuthorizationPolicy", { targetRef: { kind: "Service", name: "a" } }),
      "spec.targetRef",
    ],
  ])("says of %s what it says", (_, refused, path) => {
    expect(refused).toBe(path);
  });
});

test("both take every policy that this program makes, in every phase", () => {
  fc.assert(
    fc.property(meshIntents, fc.constantFrom("observe", "allow", "require"), (intents, phase) => {
      const [namespace] = intents.map(({ target }) => target.namespace);
      const own = intents.filter(({ target }) => target.namespace === namespace);
      if (namespace === undefined) return;
      const mesh = { mode: "sidecar", pathNormalization: "DECODE_AND_MERGE_SLASHES" } as const;
      if (istioConflicts(own, mesh).length === 0)
        for (const { manifest } of istioAuthPolicyObjects("a", { namespace, phase, intents: own, trustDomain: "td" }))
          expect(
            manifest.kind === "AuthorizationPolicy"
              ? refusedOfAuthorizationPolicy(manifest["spec"])
              : refusedOfPeerAuthentication(manifest["spec"]),
          ).toEqual([]);
      if (linkerdConflicts(own).length === 0)
        for (const { manifest } of linkerdAuthPolicyObjects("a", { namespace, phase, intents: own }))
          expect(refusedByLinkerd(manifest)).toEqual([]);
    }),
    { numRuns: 100 },
  );
});
