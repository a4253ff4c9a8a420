import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { runProgram, tail } from "../../../lab/spire/process";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { buildTool } from "../../../tools/go";
import { spireObjectsOf } from "./support";

// One life of one SPIRE, in the order of the tests.
let cluster: ControlPlane;
let spire: Spire;
let node: LabNode;
let agent: Agent;

beforeAll(async () => {
  cluster = await startControlPlane();
  for (const namespace of ["shop", "bank"]) cluster.kubectl(["create", "namespace", namespace]);
  const shop = ["name=shop", "namespaces[0]=shop", "ttl.x509Svid=30m"].map((value) => `spire.workloads[0].${value}`);
  const batch = ["name=batch", "path=/batch", "selectors[0]=k8s:ns:bank", "selectors[1]=k8s:sa:batch"];
  spire = await Spire.start(
    cluster,
    spireObjectsOf(...shop, ...batch.map((value) => `spire.entries[0].${value}`), "spire.admissionPolicy=true"),
  );
  node = await LabNode.start(spire, "node1");
  agent = await node.startAgent("agent");
  await node.untilReady(agent);
});
afterAll(async () => {
  await node?.stop();
  await spire?.stop();
  await cluster?.stop();
});

const paths = async () => (await spire.entries()).map(({ path }) => path);
const fetch = (): [string, ...string[]] => [
  buildTool("spire-agent"),
  ...["api", "fetch", "x509", "-socketPath", agent.places.workloadSocket],
];

test("a pod of the namespace gets an identity by its service account, for as long as it is there, and others get none", async () => {
  const { container } = node.runPod("shop", "frontend-1", "frontend");
  const stranger = node.runPod("bank", "frontend-1", "frontend");
  const id = "spiffe://apps.zt.internal/ns/shop/sa/frontend";
  let said = "";
  await until(
    "the pod has it",
    async () => (said = (await runProgram(container.within(fetch()))).output).includes(id),
    { seconds: 60, detail: () => said + tail(agent.process) },
  );
  expect(await runProgram(stranger.container.within(fetch()))).toMatchObject({ status: 1 });
  const stats = ["get", "clusterspiffeid", "shop", "--output=jsonpath={.status.stats.podsSelected}"];
  await until("its status says so", () => cluster.kubectl(stats) === "1");

  cluster.kubectl(["delete", "pod", "frontend-1", "--namespace=shop", "--force", "--grace-period=0"]);
  await until("its entry is gone", async () => !(await paths()).includes("/ns/shop/sa/frontend"), { seconds: 60 });
});

test("what Cilium's operator has registered survives that", async () => {
  const ids = [
    "-spiffeID",
    "spiffe://apps.zt.internal/identity/4242",
    "-parentID",
    "spiffe://apps.zt.internal/cilium-operator",
  ];
  await spire.command("entry", "create", ...ids, "-selector", "cilium:mutual-auth");
  node.runPod("shop", "frontend-2", "frontend");
  await until("the controller-manager has reconciled", async () => (await paths()).includes("/ns/shop/sa/frontend"), {
    seconds: 60,
  });
  expect(await paths()).toContain("/identity/4242");
});

test("whatever has the selectors of an entry gets its identity, and its status says so", async () => {
  const { container } = node.runPod("bank", "batch-1", "batch");
  let said = "";
  await until(
    "the pod has it",
    async () =>
      (said = (await runProgram(container.within(fetch()))).output).includes("spiffe://apps.zt.internal/batch"),
    { seconds: 60, detail: () => said + tail(agent.process) },
  );
  const status = ["get", "clusterstaticentry", "batch", "--output=jsonpath={.status.rendered}"];
  await until("its status says so", () => cluster.kubectl(status) === "true");
});

describe("the API server refuses", () => {
  const alias = "spiffe://apps.zt.internal/ns/spire/sa/spire-agent";
  const entry = { spiffeID: "spiffe://apps.zt.internal/batch", parentID: alias, selectors: ["k8s:sa:batch"] };
  const id = { spiffeIDTemplate: "spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}" };
  /** What it says of an object, or nothing. */
  const refused = (kind: string, spec: object, name = "mine"): string => {
    const object = { apiVersion: "spire.spiffe.io/v1alpha1", kind, metadata: { name }, spec };
    try {
      const apply = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename", "-"];
      cluster.kubectl(apply, JSON.stringify(object));
      return "";
    } catch (error) {
      return String(error);
    }
  };
  const admin = "give rights over SPIRE's server";
  const others = "means somebody else";
  const beginning = "has to begin with a name";
  const day = "more than a day";

  test.each<[what: string, kind: string, spec: object, problem: string]>([
    ["an admin", "ClusterStaticEntry", { ...entry, admin: true }, admin],
    ["pods that are admins", "ClusterSPIFFEID", { ...id, admin: true }, admin],
    ["another server below", "ClusterStaticEntry", { ...entry, downstream: true }, admin],
    [
      "who is Cilium's operator",
      "ClusterStaticEntry",
      { ...entry, spiffeID: "spiffe://apps.zt.internal/cilium-operator" },
      others,
    ],
    [
      "pods that are Cilium's operator",
      "ClusterSPIFFEID",
      { spiffeIDTemplate: "spiffe://{{ .TrustDomain }}/cilium-operator" },
      others,
    ],
    [
      "who is another workload of Cilium's",
      "ClusterSPIFFEID",
      { spiffeIDTemplate: "spiffe://{{ .TrustDomain }}/identity/1" },
      others,
    ],
    ["who is all nodes", "ClusterStaticEntry", { ...entry, spiffeID: alias }, others],
    [
      "pods that choose who they are",
      "ClusterSPIFFEID",
      { spiffeIDTemplate: "spiffe://{{ .TrustDomain }}/{{ .PodSpec.ServiceAccountName }}" },
      beginning,
    ],
    [
      "somebody of another trust domain",
      "ClusterStaticEntry",
      { ...entry, spiffeID: "spiffe://infra.zt.internal/batch" },
      beginning,
    ],
    [
      "who is below Cilium's operator",
      "ClusterStaticEntry",
      { ...entry, parentID: "spiffe://apps.zt.internal/cilium-operator" },
      "has to be a node",
    ],
    ["an identity for a week", "ClusterStaticEntry", { ...entry, x509SVIDTTL: "168h" }, day],
    ["pods with identities for a week", "ClusterSPIFFEID", { ...id, ttl: "168h" }, day],
  ])("%s", async (_, kind, spec, problem) => {
    await until("the policy is in force", () => refused(kind, spec) !== "");
    expect(refused(kind, spec)).toContain(problem);
  });

  test("another meaning of one of Cilium's entries, and nothing that is as it should be", () => {
    expect(refused("ClusterStaticEntry", entry, "cilium-agent")).toContain("this entry is SPIRE's own or Cilium's");
    expect(refused("ClusterStaticEntry", { ...entry, x509SVIDTTL: "1h", admin: false })).toBe("");
    expect(refused("ClusterSPIFFEID", { ...id, ttl: "1h" })).toBe("");
    const own = cluster.kubectl(["get", "clusterstaticentry", "cilium-agent", "--output=jsonpath={.spec}"]);
    expect(refused("ClusterStaticEntry", JSON.parse(own) as object, "cilium-agent")).toBe("");
  });
});

test("nothing that SPIRE asked of the API server on the way was refused", () => {
  expect([spire.server, spire.manager].map((process) => process?.log()).join("\n")).not.toContain("forbidden");
});
