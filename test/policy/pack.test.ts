import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, test } from "vitest";
import { judge } from "../../policy/rules/guardrail";
import { guardrails } from "../../policy/guardrails";
import { factsOfResources, objectOf, type PackResource } from "../../policy/pack/packFacts";
import { runProgram } from "../support/engine";
import { cluster, withCluster } from "../support/fakeCluster";
import { configOf, goodFacts, transitionOf } from "../support/stacks";
import { claims } from "./claims";
import {
  checkObject,
  checkStack,
  configure,
  policies,
  resourceOf,
  runStack,
  startPack,
  unknown,
  withUnknowns,
} from "./packDriver";

const required = (rule: object) => ({
  apiVersion: "cilium.io/v2",
  kind: "CiliumNetworkPolicy",
  metadata: { name: "api", namespace: "orders" },
  spec: { endpointSelector: {}, ingress: [{ authentication: { mode: "required" }, ...rule }] },
});
const policyType = "kubernetes:cilium.io/v2:CiliumNetworkPolicy";

describe("the policy pack", () => {
  beforeEach(startPack);

  test("is one policy that stops, whatever the number of guardrails, and one that advises: resources are decoded for each", () => {
    expect(policies().map(({ name, enforcementLevel }) => [name, enforcementLevel])).toEqual([
      ["guardrails", "mandatory"],
      ["advice", "advisory"],
    ]);
  });

  test("stops a single object before it is touched", () => {
    expect(checkObject("no-broad-auth-rule", policyType, required({ fromEndpoints: [{}] }))).toEqual([
      expect.stringContaining("CiliumNetworkPolicy orders/api spec.ingress[0]") as string,
    ]);
    expect(
      checkObject("no-broad-auth-rule", policyType, required({ fromEndpoints: [{ matchLabels: { a: "b" } }] })),
    ).toEqual([]);
  });

  test("only warns where the stack's configuration says so, also of what is unknown, and says until when", () => {
    const [severity, reason, until] = ["severity=advisory", "reason=it is replaced in June", "until=9999-12-31"];
    configure(...[severity, reason, until].map((assignment) => `guardrails.no-broad-auth-rule.${assignment}`));
    for (const fromEndpoints of [[{}], unknown])
      expect(checkObject("no-broad-auth-rule", policyType, required({ fromEndpoints }))).toEqual([]);
    const said = runStack("advice", [{ type: policyType, name: "x", props: required({ fromEndpoints: [{}] }) }]);
    expect(said.join("\n")).toMatch(/it only warns until 9999-12-31: it is replaced in June/);
    expect(said.join("\n")).toMatch(/no-broad-auth-rule: CiliumNetworkPolicy orders\/api/);
  });

  test.each([
    ["no-broad-auth-rule", policyType, required({ fromEndpoints: unknown }), "spec.ingress[0].fromEndpoints"],
    ["no-broad-auth-rule", policyType, { ...required({}), spec: unknown }, "spec"],
    ["no-required-while-disabled", policyType, required({ authentication: unknown }), "spec.ingress[0].authentication"],
    [
      "protected-namespaces",
      policyType,
      required({ authentication: { mode: unknown } }),
      "spec.ingress[0].authentication.mode",
    ],
    [
      "protected-namespaces",
      policyType,
      { ...required({}), metadata: { name: "api", namespace: unknown } },
      "metadata.namespace",
    ],
    [
      "sqlite-single-server",
      "kubernetes:apps/v1:StatefulSet",
      {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: "s", namespace: "spire" },
        spec: { replicas: unknown },
      },
      "spec.replicas",
    ],
    [
      "images-pinned",
      "kubernetes:apps/v1:Deployment",
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "d", namespace: "web" },
        spec: { template: { spec: { containers: [{ name: "main", image: unknown }] } } },
      },
      "spec.template.spec.containers[0].image",
    ],
    [
      "ttl-coherence",
      "kubernetes:core/v1:ConfigMap",
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: "spire" }, data: unknown },
      "data",
    ],
  ])("%s does not turn an unknown %s into advice", (name, type, props, path) => {
    expect(checkObject(name, type, props)).toContainEqual(
      expect.stringMatching(new RegExp(`must be known at preview: .*${path.replace(/[[\]]/g, "\\$&")}`)),
    );
  });

  describe("of a whole stack with something unknown", () => {
    const good = async () => {
      const { config, previous } = transitionOf("apps", { from: "on", auth: true });
      const { registered } = await withCluster(cluster({ authenticating: true }), ["apps"], () =>
        runProgram("apps", config, { rollout: previous.state }),
      );
      return registered.map(resourceOf).map((r) => (r.name === "rollout" ? { ...r, props: { previous } } : r));
    };

    test("passes what is known", async () => {
      const resources = await good();
      for (const { name } of guardrails) expect([name, checkStack(name, resources)]).toEqual([name, []]);
    });

    test("has every mandatory guardrail that reads objects stop at each of them, whatever is unknown in it", async () => {
      const resources = await good();
      for (const { name, reads } of guardrails.filter(({ severity }) => severity === "mandatory")) {
        const read = [...resources, ...added(name)].filter((resource) => {
          const object = objectOf(resource);
          // Cilium's values only look like SPIRE's by what is in them.
          return object && reads?.(object.manifest) && resource.name !== "cilium-auth-values";
        });
        expect([name, read.length > 0]).toEqual([name, reads !== undefined]);
        for (const { type, props } of read) {
          const [field = "metadata"] = Object.keys(props).filter((key) => !/^(apiVersion|kind|metadata)$/.test(key));
          const hidden = field === "metadata" ? { ...(props["metadata"] as object), labels: unknown } : unknown;
          const left = objectOf({ type, name, props: field === "metadata" ? props : { ...props, [field]: undefined } });
          // What is read only for what is in it can no longer be told.
          if (!left || !reads?.(left.manifest)) continue;
          const found = checkObject(name, type, { ...props, [field]: hidden }).join();
          expect(`${name} ${type} ${field}: ${found}`).toContain("must be known at preview");
        }
      }
    });

    test("has every other guardrail either decide by the configuration, or stop, or say what it cannot decide", async () => {
      const hidden = (await good()).map((resource) => ({
        ...resource,
        props: withUnknowns(
          resource.name === "cilium-auth"
            ? { values: unknown }
            : resource.name === "rollout"
              ? { previous: unknown }
              : {},
        ) as PackResource["props"],
        provider: {
          name: "cluster",
          type: "pulumi:providers:kubernetes",
          props: withUnknowns({ context: unknown }) as PackResource["props"],
        },
        dependencies: [],
      }));
      const basis = { stack: { name: "apps", peers: [] }, config: configOf("apps") };
      const facts = factsOfResources(basis, hidden);
      const others = guardrails.filter(({ reads }) => !reads);
      const decided = others.filter((guardrail) => {
        const [verdict] = judge([guardrail], facts);
        return verdict?.verdict === "pass";
      });
      // The configuration decides; unknown values of Cilium's chart stop at flag-atomic already.
      expect(decided.map(({ name }) => name)).toEqual([
        "one-stack",
        "one-owner",
        "no-clustermesh",
        "handshake-possible",
        "enforcement-mode",
        "http-enforced",
        "probes-admitted",
        "verdicts-visible",
        "spire-needed",
        "bundled-spire",
        "lab-database",
        "spire-size",
        "linkerd-anchors",
      ]);
    });
  });

  test("does not mind unknowns that decide nothing", () => {
    const rule = required({ fromEndpoints: [{ matchLabels: { a: "b" } }] });
    const object = { ...rule, metadata: { ...rule.metadata, uid: unknown }, status: unknown };
    expect(checkObject("no-broad-auth-rule", policyType, object)).toEqual([]);
    const other = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: "web" }, data: unknown };
    expect(checkObject("ttl-coherence", "kubernetes:core/v1:ConfigMap", other)).toEqual([]);
  });

  test("judges what only the configuration decides", () => {
    configure("rollout.phases.kube-system=require", "trustDomain=example.org");
    expect(checkStack("protected-namespaces", [])).toEqual([
      expect.stringContaining("kube-system is require") as string,
    ]);
    expect(checkStack("trust-domain", [])).toEqual([expect.stringContaining("a placeholder") as string]);
  });

  test("says as advice, and stops nothing, what is wrong beside the way off", () => {
    configure("auth=false", "rollout.phases.kube-system=require");
    expect(checkStack("protected-namespaces", [])).toEqual([]);
    expect(runStack("advice", []).join("\n")).toContain("protected-namespaces:");
  });

  test("judges nothing without a valid configuration, and says that, but no value", () => {
    pulumi.runtime.setAllConfig({ "zero-trust:auth": "hunter2" });
    const [message] = checkStack("configuration", []);
    expect(message).toMatch(/zero-trust:auth/);
    expect(message).not.toMatch(/hunter2/);
    expect(checkObject("no-broad-auth-rule", policyType, required({}))).toEqual([]);
  });
});

/** The objects that a guardrail's mutations add to the good ones, as resources. */
function added(name: string): PackResource[] {
  const before = new Set(goodFacts().objects.map((object) => JSON.stringify(object)));
  return (claims[name]?.catches ?? [])
    .flatMap(({ change }) => change(goodFacts()).objects)
    .filter((object) => !before.has(JSON.stringify(object)))
    .map((object) => ({
      type: `kubernetes:${object.apiVersion}:${object.kind}`,
      name: object.metadata.name,
      props: object,
    }));
}
