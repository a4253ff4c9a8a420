import { describe, expect, test } from "vitest";
import { ciliumAuthPolicyObjects } from "../../../components/access/cilium/policies";
import { decide } from "../../../core/access/decide";
import { difference } from "../../../core/access/difference";
import { accessDiagram, accessOf } from "../../../core/access/graph";
import { istioAuthPolicyObjects } from "../../../components/access/istio/policies";
import { linkerdAuthPolicyObjects } from "../../../components/access/linkerd/policies";
import type { Intent } from "../../../core/schema/schema";
import { intent, problemsOf } from "../../support/intents";

const frontend = { namespace: "web", serviceAccount: "frontend" };
const elsewhere = { ...frontend, trustDomain: "infra.zt.internal" };
const allElsewhere = { ...elsewhere, serviceAccount: "*" };
const api = (...callers: Intent["callers"]) => intent("api", { callers });
const args = (...callers: Intent["callers"]) =>
  ({ namespace: "orders", phase: "require", intents: [api(...callers)], trustDomain: "apps.zt.internal" }) as const;
const istio = { mesh: { istio: {} }, cluster: mesh(), spire: { install: "none" } };
const linkerd = { mesh: { linkerd: {} }, cluster: mesh(), spire: { install: "none" } };
function mesh() {
  return { name: "apps", context: "apps", identity: "00000000-0000-0000-0000-000000000000", kubernetes: "1.34" };
}

describe("a caller of another trust domain", () => {
  const call = (from: typeof frontend & { trustDomain?: string }, ...callers: Intent["callers"]) =>
    decide(
      [api(...callers)],
      { orders: "require" },
      { from, to: { namespace: "orders", labels: { app: "api" } }, port: 8080 },
    ).allowed;

  test("is another one than the caller of the same name here, and than that of a third", () => {
    expect([call(elsewhere, elsewhere), call(frontend, elsewhere), call(elsewhere, frontend)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(call({ ...frontend, trustDomain: "third.internal" }, elsewhere)).toBe(false);
    expect([call(elsewhere, allElsewhere), call(frontend, allElsewhere)]).toEqual([true, false]);
  });

  test("is told by Istio by the trust domain in its principal", () => {
    const [policy] = istioAuthPolicyObjects("access", args(frontend, elsewhere, allElsewhere));
    expect(policy?.manifest["spec"]).toMatchObject({
      rules: [
        {
          from: [
            {
              source: {
                principals: [
                  "apps.zt.internal/ns/web/sa/frontend",
                  "infra.zt.internal/ns/web/sa/frontend",
                  "infra.zt.internal/ns/web/sa/*",
                ],
              },
            },
          ],
        },
      ],
    });
  });

  test("is told by Linkerd by the name in its certificate, in an object and a policy of its own: one holds either names or references", () => {
    const objects = linkerdAuthPolicyObjects("access", args(frontend, elsewhere, allElsewhere)).map(
      ({ manifest }) => manifest,
    );
    const authentications = objects
      .filter(({ kind }) => kind === "MeshTLSAuthentication")
      .map((object) => object["spec"]);
    expect(authentications).toEqual([
      { identities: ["nobody.invalid"] },
      { identityRefs: [{ kind: "ServiceAccount", name: "frontend", namespace: "web" }] },
      {
        identities: [
          "frontend.web.serviceaccount.identity.linkerd.infra.zt.internal",
          "*.web.serviceaccount.identity.linkerd.infra.zt.internal",
        ],
      },
    ]);
    const policies = objects.filter(({ kind }) => kind === "AuthorizationPolicy").map(({ metadata }) => metadata.name);
    expect(policies).toEqual([
      expect.stringMatching(/^allow-api/),
      expect.stringMatching(/^allow-api.*-trust-domains$/),
    ]);
  });

  test("is nobody to Cilium: with authentication off, when the configuration may name one, no rule is made of it", () => {
    expect(JSON.stringify(ciliumAuthPolicyObjects("access", args(elsewhere)))).not.toContain("fromEndpoints");
    expect(ciliumAuthPolicyObjects("access", args(elsewhere, frontend))).toEqual(
      ciliumAuthPolicyObjects("access", args(frontend)),
    );
  });

  test("has its trust domain in the graph and in the difference", () => {
    const phases = { orders: "require" } as const;
    expect(accessDiagram(accessOf([api(elsewhere, frontend)], phases)).split("\n")).toEqual(
      expect.arrayContaining(["  subgraph infra.zt.internal/web", "  subgraph web"]),
    );
    const state = (...callers: Intent["callers"]) => ({ auth: true, phases, intents: [api(...callers)] });
    expect(
      difference(state(frontend), state(frontend, elsewhere)).map(({ direction, from }) => [direction, from]),
    ).toEqual([["gained", "infra.zt.internal/web/frontend"]]);
    expect(difference(state(allElsewhere), state(elsewhere))).toMatchObject([
      { direction: "lost", from: "infra.zt.internal/web/*", except: ["infra.zt.internal/web/frontend"] },
    ]);
  });
});

describe("in a configuration a caller of another trust domain", () => {
  const key = "zero-trust:access[0].callers[0].trustDomain";
  const said = (overrides: object, caller: object = elsewhere) =>
    problemsOf([{ ...api(), callers: [caller] }], overrides).map(({ key, allowed }) => [key, allowed]);

  test("may be where a mesh tells callers by certificates of its own", () => {
    expect(said(istio)).toEqual([]);
    expect(said(linkerd)).toEqual([]);
  });

  test("is refused where nobody could ever be one, but not while authentication is off", () => {
    expect(said({})).toEqual([[key, expect.stringMatching(/Cilium authenticates callers of its own cluster alone/)]]);
    expect(said({ ...istio, spire: { install: "managed" } })).toContainEqual([
      key,
      expect.stringMatching(/SPIRE gives Istio's proxies the bundle of this trust domain alone/),
    ]);
    expect(said({ auth: false })).toEqual([]);
  });

  test("is refused with the stack's own, which is the one without", () => {
    const { trustDomain } = { trustDomain: "apps.zt.internal" };
    expect(said({ ...istio, trustDomain }, { ...frontend, trustDomain })).toEqual([
      [key, expect.stringMatching(/without it a caller is of this trust domain/)],
    ]);
  });

  test("needs a namespace and a service account, and is no URI", () => {
    expect(said(istio, { trustDomain: "infra.zt.internal" }).map(([path]) => path)).toEqual([
      "zero-trust:access[0].callers[0].namespace",
      "zero-trust:access[0].callers[0].serviceAccount",
    ]);
    expect(said(istio, { ...elsewhere, trustDomain: "spiffe://infra" }).map(([path]) => path)).toEqual([key]);
  });
});
