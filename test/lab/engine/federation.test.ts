import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LabStack, withoutPack } from "./stack";

const bundle = '{"keys":[{"use":"x509-svid"}],"spiffe_sequence":1}';

/** Both stacks on one control plane, one after the other: here it is about what they know of each other, and not about SPIRE. */
describe("two stacks that federate", () => {
  let stack: LabStack;
  beforeAll(async () => {
    stack = await LabStack.start();
    federate("apps", "infra");
  });
  afterAll(() => stack?.stop());

  const federate = (name: string, other: string) => {
    const peer = { trustDomain: `${other}.zt.internal`, endpoint: `https://${other}.example.com:8443`, stack: other };
    for (const [key, value] of Object.entries(peer)) stack.set(`spire.federation.with[0].${key}`, value, name);
  };
  const up = (name: string) => stack.project.must(["up", "--stack", name, "--yes", "--skip-preview"], withoutPack);
  const live = (kind: string, name: string, path: string) =>
    stack.plane.kubectl(["get", kind, name, "--ignore-not-found", "--output", `jsonpath={.spec.${path}}`]);
  const first = (other: string) => live("clusterfederatedtrustdomain", `${other}.zt.internal`, "trustDomainBundle");
  const told = () => live("clusterspiffeid", "shop", "federatesWith");

  test("deploy one without the other, which says what it waits for, and has its own bundle as an output once SPIRE has published it", () => {
    expect(up("apps")).toContain("No federation with infra.zt.internal yet: the stack infra has no bundle");
    const metadata = { name: "spire-bundle", namespace: "spire" };
    stack.apply("spire", [{ apiVersion: "v1", kind: "ConfigMap", metadata, data: { "bundle.spiffe": bundle } }]);
    up("apps");
    expect(stack.project.outputs("apps")["bundle"]).toBe(bundle);
    expect(first("infra")).toBe("");
  });

  test("begin with each other's bundle, and only then tell identities", () => {
    stack.make("infra");
    stack.giveTo("infra");
    federate("infra", "apps");
    up("infra");
    expect(first("apps")).toBe(bundle);
    stack.giveTo("apps");
    stack.set("spire.workloads[0].name", "shop");
    stack.set("spire.workloads[0].namespaces[0]", "orders");
    stack.set("spire.workloads[0].federatesWith[0]", "infra.zt.internal");
    const begun = up("apps");
    expect(begun).toContain("shop get its bundle by the next update");
    expect(begun).toContain("Not known yet to SPIRE's controller-manager: ClusterSPIFFEID shop");
    expect([first("infra"), told()]).toEqual([bundle, ""]);
    // As the controller-manager does, which is not here.
    const status = JSON.stringify({ status: { stats: { podsSelected: 2 } } });
    stack.plane.kubectl([
      "patch",
      "clusterspiffeid",
      "shop",
      "--subresource=status",
      "--type=merge",
      "--patch",
      status,
    ]);
    expect(up("apps")).toContain("Registered with SPIRE: ClusterSPIFFEID shop: 2 pods");
    expect(told()).toBe('["infra.zt.internal"]');
  });

  test("turn authentication off, and keep their federation, though the other one cannot be read", () => {
    stack.project.must(["stack", "rm", "infra", "--yes", "--force"]);
    stack.set("auth", "false");
    up("apps");
    expect(stack.recorded()?.auth).toBe(false);
    expect([first("infra"), told()]).toEqual([bundle, '["infra.zt.internal"]']);
    expect(stack.project.outputs("apps")["bundle"]).toBe(bundle);
  });
});
