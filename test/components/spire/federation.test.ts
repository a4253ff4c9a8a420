import { describe, expect, test } from "vitest";
import { plan } from "../../../plan/plan";
import type { Previous } from "../../../core/rollout/state";
import { configOf } from "../../support/stacks";
import { fileOf, find, manifestOf } from "./planned";

const infra = "infra.zt.internal";
const endpoint = "https://spire.infra.example.com:8443";
const bundle = '{"keys":[{"use":"x509-svid"}]}';
const federation = (...values: string[]) => values.map((value) => `spire.federation.${value}`);
const peer = federation(`with[0].trustDomain=${infra}`, `with[0].endpoint=${endpoint}`);
const byStack = [...peer, ...federation("with[0].stack=infra")];
const shop = ["name=shop", "namespaces[0]=orders", `federatesWith[0]=${infra}`].map(
  (value) => `spire.workloads[0].${value}`,
);

/** One update after another, each from what the last one recorded and what the other stack says by then. */
function updates(assignments: readonly string[][], bundles: Previous["bundles"][]) {
  let state: Previous["state"];
  return assignments.map((values, i) => {
    const update = plan(configOf("apps", ...values), {
      ...(state ? { state } : {}),
      ...(bundles[i] ? { bundles: bundles[i] } : {}),
    });
    state = update.outputs.rollout;
    const objects = update.components.flatMap((component) => component.objects.map(({ manifest }) => manifest));
    const specOf = (kind: string) => objects.find((object) => object.kind === kind)?.["spec"];
    return {
      notes: update.notes.join(),
      peer: specOf("ClusterFederatedTrustDomain") as { trustDomainBundle?: string } | undefined,
      told: (specOf("ClusterSPIFFEID") as { federatesWith?: string[] } | undefined)?.federatesWith,
      recorded: state.federated,
      reconciles: objects.some((object) => JSON.stringify(object).includes('clusterFederatedTrustDomains\\": true')),
    };
  });
}

describe("a federation with the trust domain of another stack", () => {
  test("waits for the other stack, begins with its bundle, and only then are identities told, which SPIRE would refuse before", () => {
    const all = [...byStack, ...shop];
    const [alone, begun, told] = updates([all, all, all], [undefined, { [infra]: bundle }, { [infra]: bundle }]);
    expect(alone).toMatchObject({ peer: undefined, told: undefined, recorded: undefined });
    expect(alone?.notes).toContain(`No federation with ${infra} yet: the stack infra has no bundle`);
    expect(begun).toMatchObject({
      peer: {
        trustDomain: infra,
        bundleEndpointURL: endpoint,
        bundleEndpointProfile: { type: "https_spiffe", endpointSPIFFEID: `spiffe://${infra}/spire/server` },
        trustDomainBundle: bundle,
      },
      told: undefined,
    });
    expect(begun?.notes).toContain("shop get its bundle by the next update");
    expect(told).toMatchObject({ told: [infra], recorded: { [infra]: bundle }, notes: "" });
  });

  test("goes on as it was while nobody can say what the other stack has", () => {
    const all = [...byStack, ...shop];
    const [, , blind] = updates([all, all, all], [{ [infra]: bundle }, { [infra]: bundle }, undefined]);
    expect(blind).toMatchObject({ peer: { trustDomainBundle: bundle }, told: [infra] });
  });

  test("is taken away from SPIRE too when the configuration has none any more, by one more update that reconciles it", () => {
    const [, ended, after] = updates([byStack, [], []], [{ [infra]: bundle }, undefined, undefined]);
    expect(ended).toMatchObject({ peer: undefined, recorded: undefined, reconciles: true });
    expect(after).toMatchObject({ peer: undefined, reconciles: false });
  });

  test("begins at once with a bundle from the configuration, or by the web's CAs with none", () => {
    const [given] = updates([[...peer, ...federation(`with[0].bundle=${bundle}`)]], [undefined]);
    expect(given?.peer?.trustDomainBundle).toBe(bundle);
    const [web] = updates([[...peer, ...federation("with[0].profile=https_web")]], [undefined]);
    expect(web?.peer).toEqual({
      trustDomain: infra,
      bundleEndpointURL: endpoint,
      bundleEndpointProfile: { type: "https_web" },
    });
  });
});

describe("others get this cluster's bundle", () => {
  const open = federation("service=LoadBalancer", "annotations.internal=yes");

  test("from the servers, by a Service that the configuration decides, through the network policy", () => {
    expect(fileOf(open, "spire-server", "server.conf")).toMatchObject({
      server: { federation: { bundle_endpoint: { address: "0.0.0.0", port: 8443, profile: [{ https_spiffe: {} }] } } },
    });
    expect(manifestOf(open, "Service spire/spire-server-bundle")).toMatchObject({
      metadata: { annotations: { internal: "yes", "pulumi.com/skipAwait": "true" } },
      spec: { type: "LoadBalancer", ports: [{ port: 8443, targetPort: "bundle" }] },
    });
    expect(manifestOf(open, "NetworkPolicy spire/spire-server")["spec"]).toMatchObject({
      ingress: [{ ports: [{ port: 8081 }, { port: 8443 }] }],
    });
  });

  test("and not at all without a federation", () => {
    expect(find([], "Service spire/spire-server-bundle")).toBeUndefined();
    expect(JSON.stringify(fileOf([], "spire-server", "server.conf"))).not.toContain("bundle_endpoint");
  });
});

describe("the configuration refuses a federation", () => {
  test.each<[name: string, assignments: string[], problem: string]>([
    ["with itself", federation("with[0].trustDomain=apps.zt.internal"), "this one is this stack's"],
    [
      "twice with the same",
      federation(`with[1].trustDomain=${infra}`, `with[1].endpoint=${endpoint}`, "with[1].stack=infra"),
      `federation.with[0] is ${infra}`,
    ],
    ["without a first bundle", ["spire.federation.with[0].stack="], "<stack>, or <organization>/<project>/<stack>"],
    ["with two first bundles", federation(`with[0].bundle=${bundle}`), "a stack, or a bundle"],
    ["with a first bundle that it has no use for", federation("with[0].profile=https_web"), "nothing: with https_web"],
    ["in clear", federation("with[0].endpoint=http://spire.infra.example.com"), "https://"],
    ["that no SPIRE of ours has", ["spire.install=bundled"], "spire.federation"],
  ])("%s", (_, assignments, problem) => {
    expect(() => configOf("apps", ...byStack, ...assignments)).toThrow(problem);
  });

  test("without a first bundle, or of an identity with a stranger", () => {
    expect(() => configOf("apps", ...peer)).toThrow("a stack, or a bundle");
    expect(() => configOf("apps", ...shop)).toThrow("nothing without spire.federation");
    expect(() => configOf("apps", ...byStack, ...shop, "spire.workloads[0].federatesWith[1]=x.y")).toThrow(
      `one of spire.federation: ${infra}`,
    );
  });
});
