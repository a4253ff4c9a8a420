import {
  unknownCheckingProxy,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  type StackValidationArgs,
  type StackValidationPolicy,
} from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, test } from "vitest";
import { judge } from "../../policy/guardrail";
import { guardrails } from "../../policy/guardrails";
import { policiesOf } from "../../policy/pack";
import { factsOfResources, knownPart, objectOf, type PackResource } from "../../policy/packFacts";
import { factsOfPlan } from "../../policy/facts";
import { runProgram, type Registered } from "../support/engine";
import { cluster, uid, withCluster } from "../support/fakeCluster";
import { configOf, goodFacts, root, transitionOf } from "../support/stacks";
import { claims } from "./claims";

/** Properties as the engine hands them to a policy: reading what is unknown throws. The SDK ships no types for it. */
const withUnknowns = unknownCheckingProxy as (props: object) => object;

/** What the SDK uses for a value that a preview does not know. */
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const policies = () => policiesOf(guardrails, root);
const policyNamed = (name: string) => policies().find((policy) => policy.name === name);

/** What was said in a guardrail's name, without it. */
const saidBy = (name: string, said: readonly string[]) =>
  said.filter((message) => message.startsWith(`${name}: `)).map((message) => message.slice(name.length + 2));

/** What one guardrail says of one object. */
function checkObject(name: string, type: string, props: object): string[] {
  const found: string[] = [];
  const { validateResource } = policyNamed("guardrails") as ResourceValidationPolicy;
  const args = { type, name: "x", props: withUnknowns(props) };
  if (typeof validateResource === "function")
    void validateResource(args as unknown as ResourceValidationArgs, (message) => found.push(message));
  return saidBy(name, found);
}

/** What one guardrail says of all resources. */
const checkStack = (name: string, resources: readonly PackResource[]) =>
  saidBy(name, runStack("guardrails", resources));

/** What a policy says of all resources. */
function runStack(policy: string, resources: readonly PackResource[]): string[] {
  const found: string[] = [];
  const { validateStack } = policyNamed(policy) as Partial<StackValidationPolicy>;
  void validateStack?.({ resources } as unknown as StackValidationArgs, (message) => found.push(message));
  return found;
}

function configure(...assignments: string[]): void {
  const config = configOf("apps", ...assignments);
  const values = Object.entries(config).map(([key, value]) => [
    `zero-trust:${key}`,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  pulumi.runtime.setAllConfig(Object.fromEntries(values) as Record<string, string>);
}

const required = (rule: object) => ({
  apiVersion: "cilium.io/v2",
  kind: "CiliumNetworkPolicy",
  metadata: { name: "api", namespace: "orders" },
  spec: { endpointSelector: {}, ingress: [{ authentication: { mode: "required" }, ...rule }] },
});
const policyType = "kubernetes:cilium.io/v2:CiliumNetworkPolicy";

describe("the policy pack", () => {
  beforeEach(async () => {
    await pulumi.runtime.setMocks(
      { newResource: () => ({ id: "", state: {} }), call: () => ({}) },
      "zero-trust",
      "apps",
    );
    configure();
  });

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

describe("the facts that the pack rebuilds from the engine's resources", () => {
  test("are those of the plan", async () => {
    const { config, previous, plan } = transitionOf("apps", { from: "on", auth: true });
    const { registered } = await withCluster(cluster({ authenticating: true }), ["apps"], () =>
      runProgram("apps", config, { rollout: previous.state }),
    );
    const stack = { name: "apps", peers: [] };
    const planned = factsOfPlan(stack, config, plan, previous);
    const rebuilt = factsOfResources({ stack, config }, [
      { type: "zero-trust:rollout:Rollout", name: "rollout", props: { previous } },
      ...registered.map(resourceOf),
    ]);
    const sorted = (facts: typeof planned) => ({
      ...facts,
      edges: facts.edges.map(({ from, to }) => `${from} ${to}`).sort(),
      components: facts.components
        .map((part) => ({ ...part, resources: [...part.resources].sort() }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    });
    expect(sorted(rebuilt)).toEqual(sorted({ ...planned, objects: rebuilt.objects }));
    expect(new Set(rebuilt.objects)).toEqual(new Set(planned.objects));
  });

  test("have an unknown baseline without the component that tells it, and an empty one on the first run", () => {
    const basis = { stack: { name: "apps", peers: [] }, config: configOf("apps") };
    expect(factsOfResources(basis, []).previous).toBe("unknown");
    const first = { type: "zero-trust:rollout:Rollout", name: "rollout", props: { previous: {} } };
    expect(factsOfResources(basis, [first]).previous).toEqual({});
  });

  describe("have the values of Cilium's chart", () => {
    const values = { authentication: { enabled: false } };
    const release = (chart: unknown, rest: Partial<PackResource> = {}): PackResource => ({
      type: "kubernetes:helm.sh/v3:Release",
      name: "network",
      props: { chart, namespace: "kube-system", values },
      ...rest,
    });
    const releasesOf = (...resources: PackResource[]) =>
      factsOfResources({ stack: { name: "apps", peers: [] }, config: configOf("apps") }, resources).releases;
    const theirs = { name: "network", namespace: "kube-system", values, complete: true };

    test.each([
      "cilium",
      "oci://quay.io/cilium/charts/cilium",
      "oci://quay.io/cilium/charts/cilium:1.19.3",
      "oci://quay.io/cilium/charts/cilium@sha256:00",
      "./charts/cilium/",
      "https://helm.cilium.io/cilium-1.19.3.tgz",
    ])("from a release of %s that this program did not make", (chart) => {
      expect(releasesOf(release(chart))).toEqual([theirs]);
      expect(releasesOf(release(chart, { type: "kubernetes:helm.sh/v4:Chart" }))).toEqual([theirs]);
    });

    test("under the name and in the namespace that the release has, and not as all of them beside files that nobody can read here", () => {
      const props = { chart: "cilium", name: "cilium", values, valueYamlFiles: [{}] };
      expect(releasesOf(release("", { props }))).toEqual([
        { name: "cilium", namespace: "default", values, complete: false },
      ]);
    });

    test("not from another chart, and not twice from the release that the component CiliumAuth makes", () => {
      for (const chart of ["cilium-extras", "oci://ghcr.io/x/not-cilium", "./cilium/other", undefined])
        expect(releasesOf(release(chart))).toEqual([]);
      const component = { type: "zero-trust:cilium:CiliumAuth", name: "cilium-auth", props: { values } };
      expect(releasesOf(component, release("cilium", { parent: component }))).toEqual([
        { name: "cilium", namespace: "kube-system", values, complete: false },
      ]);
    });

    test("which every guardrail of the flag then judges", () => {
      const found = checkStack("flag-atomic", [release("cilium")]);
      expect(found).toContainEqual(
        expect.stringContaining("Values of kube-system/network authentication.enabled is false while auth is on"),
      );
      const meshed = { ...values, clustermesh: { useAPIServer: true } };
      expect(checkStack("no-clustermesh", [release("cilium", { props: { chart: "cilium", values: meshed } })])).toEqual(
        ["Values of default/network clustermesh.useAPIServer is true; write false"],
      );
    });
  });

  test("name every place that is unknown, however deep", () => {
    const proxy = withUnknowns({ a: [1, { b: unknown }], c: unknown, d: "known" });
    expect(knownPart(proxy)).toEqual({
      value: { a: [1, { b: undefined }], c: undefined, d: "known" },
      unknown: ["a[1].b", "c"],
    });
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

/** A registration as the engine shows it to a policy. The values of CiliumAuth are outputs of the component. */
const resourceOf = ({ type, name, inputs, parent, provider, dependencies }: Registered): PackResource => ({
  type,
  name,
  parent: { name: parent },
  provider: { name: provider, type: "pulumi:providers:kubernetes", props: pinned },
  props:
    name === "cilium-auth" ? { values: transitionOf("apps", { from: "on", auth: true }).plan.ciliumValues } : inputs,
  dependencies: dependencies.map((dependency) => ({ name: dependency })),
});

const pinned = { context: "apps", clusterIdentifier: uid };
