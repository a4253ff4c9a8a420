import { describe, expect, test } from "vitest";
import { configOf } from "../../support/stacks";
import { fileOf, find, manifestOf } from "./planned";

const shop = ["name=shop", "namespaces[0]=orders", "namespaces[1]=web"].map((value) => `spire.workloads[0].${value}`);
const specOf = (...assignments: string[]) =>
  manifestOf([...shop, ...assignments.map((value) => `spire.workloads[0].${value}`)], "ClusterSPIFFEID shop")["spec"];
const reconciled = (assignments: readonly string[]) =>
  (fileOf(assignments, "spire-server", "controller-manager.json") as { reconcile: Record<string, boolean> }).reconcile;

describe("workloads with identities of their own", () => {
  test("are told by namespace and service account, in the namespaces that are named and no other", () => {
    expect(specOf()).toEqual({
      spiffeIDTemplate: "spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}",
      namespaceSelector: {
        matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: ["orders", "web"] }],
      },
    });
  });

  test("have another path, DNS names, lifetimes and a hint where the configuration says so", () => {
    expect(specOf("path=/pods/{namespace}/{pod}", "dnsNames=true", "ttl.x509Svid=1h", "hint=internal")).toMatchObject({
      spiffeIDTemplate: "spiffe://{{ .TrustDomain }}/pods/{{ .PodMeta.Namespace }}/{{ .PodMeta.Name }}",
      autoPopulateDNSNames: true,
      ttl: "1h",
      hint: "internal",
    });
  });

  test("take the rights and the CRD that they need; without them there is neither", () => {
    const extra = ["CustomResourceDefinition clusterspiffeids.spire.spiffe.io", "ClusterRole spire-workloads"];
    for (const name of extra) expect([find(shop, name), find([], name)]).toEqual([expect.anything(), undefined]);
    expect(reconciled(shop)).toMatchObject({ clusterSPIFFEIDs: true, clusterStaticEntries: true });
    expect(reconciled([])).toMatchObject({ clusterSPIFFEIDs: false });
  });

  test("lose their identities with the list, while the CRD stays, and those of others with it", () => {
    expect(find(shop, extraCrd)?.keep).toBe("retained");
    expect(find(shop, "ClusterSPIFFEID shop")?.keep).toBe(false);
  });
});

describe("whatever has some selectors", () => {
  const exporter = ["name=exporter", "path=/node-exporter", "selectors[0]=unix:path:/bin/node_exporter"];
  const entry = (...values: string[]) => [...exporter, ...values].map((value) => `spire.entries[0].${value}`);

  test("has an identity on every node, with what the configuration says of it", () => {
    const more = ["dnsNames[0]=metrics.local", "ttl.x509Svid=1h", "ttl.jwtSvid=5m", "hint=metrics"];
    expect(manifestOf(entry(...more), "ClusterStaticEntry exporter")["spec"]).toEqual({
      spiffeID: "spiffe://apps.zt.internal/node-exporter",
      parentID: "spiffe://apps.zt.internal/ns/spire/sa/spire-agent",
      selectors: ["unix:path:/bin/node_exporter"],
      dnsNames: ["metrics.local"],
      x509SVIDTTL: "1h",
      jwtSVIDTTL: "5m",
      hint: "metrics",
    });
  });

  test("loses it with the list, and Cilium does not lose its own", () => {
    expect(find(entry(), "ClusterStaticEntry exporter")?.keep).toBe(false);
    expect(find(entry(), "ClusterStaticEntry cilium-agent")?.keep).toBe(true);
  });

  test.each([
    ["the name of one of Cilium's", ["name=cilium-agent"], "this one is that of an entry of this program"],
    ["the path of one of Cilium's", ["path=/cilium-operator"], "a path that is not below"],
    ["a selector that is none", ["selectors[0]=k8s"], "<type>:<value>"],
  ])("is refused %s", (_, values, problem) => {
    expect(() => configOf("apps", ...entry(...values))).toThrow(problem);
  });
});

const extraCrd = "CustomResourceDefinition clusterspiffeids.spire.spiffe.io";

describe("the configuration refuses identities", () => {
  const problemOf = (...values: string[]) => {
    try {
      configOf("apps", ...shop, ...values.map((value) => `spire.workloads[${value}`));
      return "none";
    } catch (error) {
      return String(error);
    }
  };

  test.each([
    ["of Cilium's operator", ["0].path=/cilium-operator"]],
    ["that Cilium's operator makes", ["0].path=/identity/1"]],
    ["of agents", ["0].path=/spire/agent/{pod}"]],
  ])("%s", (_, values) => {
    expect(problemOf(...values)).toContain("a path that is not below");
  });

  test.each(["kube-system", "spire"])("in %s, whose pods have theirs from others", (namespace) => {
    expect(problemOf(`0].namespaces[1]=${namespace}`)).toContain("zero-trust:spire.workloads[0].namespaces[1]");
  });

  test("that would be the same in several namespaces, or twice", () => {
    expect(problemOf("0].path=/shop")).toContain("a path with {namespace}");
    expect(problemOf("1].name=shop", "1].namespaces[0]=web")).toContain("workloads[0] is shop");
  });

  test.each(["/{serviceAccount}", "/cilium-{serviceAccount}"])("that a pod could make an admin's: %s", (path) => {
    expect(problemOf(`0].path=${path}`)).toContain(
      "a path that begins with a name, so that no pod decides whose it is",
    );
  });

  test("with a placeholder that there is not", () => {
    expect(problemOf("0].path=/{node}")).toContain("zero-trust:spire.workloads[0].path");
  });
});
